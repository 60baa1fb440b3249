"""Parties: the organisations whose keys act in a service, each on its own orders, legs and deliveries only.

A party is registered in each service where it acts, by an operator, and has keys of the role of its kind. The services
decide what is a party's own; of what is not, it learns no more than of what does not exist. Staff act for nobody, and
are bounded by their roles alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal, RefusalKind
from pandapack.runtime.acts import NotesActs
from pandapack.runtime.auth import Caller, KeysHere, NewKey, Role, needs
from pandapack.runtime.http import answer_to, command_of, problem_of
from pandapack.runtime.openapi import COMMAND
from pandapack.runtime.paging import PAGE_DEFAULT, After, Limit, Name, Staff, filters_of, page
from pandapack.runtime.store import Command, Kind, Store

SCHOOLS_A_PARTY_MAX = 1_000
SCHOOLS_SHOWN_MAX = 5
NAME_CHARACTERS_MAX = 100

PartyName = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARACTERS_MAX, pattern=r"^[^\x00-\x1f]*$")]
Schools = Annotated[tuple[Name, ...], Field(max_length=SCHOOLS_A_PARTY_MAX)]


class PartyKind(StrEnum):
    """What a party is. A field partner acts for several schools, a school for itself; an evaluator for nobody.

    A party has one kind for good: so whoever evaluates carries, packs and delivers nothing.
    """

    SUPPLIER = "supplier"
    WAREHOUSE = "warehouse"
    CARRIER = "carrier"
    SCHOOL = "school"
    FIELD_PARTNER = "field-partner"
    EVALUATOR = "evaluator"


ROLES_BY_KIND = {
    PartyKind.SUPPLIER: Role.SUPPLIER,
    PartyKind.WAREHOUSE: Role.WAREHOUSE,
    PartyKind.CARRIER: Role.CARRIER,
    PartyKind.SCHOOL: Role.SCHOOL,
    PartyKind.FIELD_PARTNER: Role.SCHOOL,
    PartyKind.EVALUATOR: Role.EVALUATOR,
}


class Party(Part):
    """A registered organisation. `kind` None: nobody is registered under this id."""

    party: str
    kind: PartyKind | None = None
    name: str = ""
    schools: tuple[str, ...] = ()


def parties_kind(service: str) -> Kind[Party]:
    """How a service keeps its parties."""
    return Kind("parties", Party, lambda id: Party(party=id), lambda id: f"/{service}/parties/{id}")


def register(
    state: Party, *, kind: PartyKind, name: str, schools: Sequence[str], kinds: Collection[PartyKind]
) -> Decision[Party] | Refusal:
    """A party comes under an id for good. `kinds`: those that mean something in this service."""
    if kind not in kinds:
        known = ", ".join(sorted(kinds))
        return Refusal("kind_not_here", f"a {kind} does nothing in this service; here are {known}", RefusalKind.INVALID)
    if state.kind is not None:
        return Refusal(
            "party_known", f"{state.party} is a {state.kind} already: choose another id, or change its terms"
        )
    return _with_terms(state.model_copy(update={"kind": kind}), name, schools)


def amend(state: Party, *, name: str, schools: Sequence[str]) -> Decision[Party] | Refusal:
    """Another name, other schools. What a party is it stays."""
    return unknown_party(state.party) if state.kind is None else _with_terms(state, name, schools)


def unknown_party(id: str) -> Refusal:
    """Nobody is registered under this id."""
    detail = f"no party {id} is registered here: `panda party add` registers one"
    return Refusal("party_unknown", detail, RefusalKind.NOT_FOUND)


def refuse_school(party: Party | None, school: str) -> Refusal | None:
    """Whoever is not this school, nor acts for it, is told the same whether or not there is such a school."""
    schools = () if party is None else party.schools
    if school in schools:
        return None
    more = f" and {len(schools) - SCHOOLS_SHOWN_MAX} more" if len(schools) > SCHOOLS_SHOWN_MAX else ""
    own = ", ".join(schools[:SCHOOLS_SHOWN_MAX]) + more
    return Refusal(
        "school_unknown", f"you act for no school {school}; you act for {own or 'none'}", RefusalKind.NOT_FOUND
    )


def _with_terms(state: Party, name: str, schools: Sequence[str]) -> Decision[Party] | Refusal:
    has_schools = state.kind in (PartyKind.SCHOOL, PartyKind.FIELD_PARTNER)
    if has_schools and not schools:
        detail = f"say for which schools {state.party} acts: a {state.kind} acts for schools only"
        return Refusal("schools_missing", detail, RefusalKind.INVALID)
    if schools and not has_schools:
        detail = f"{state.party} is a {state.kind}: schools and field partners alone act for schools"
        return Refusal("schools_not_expected", detail, RefusalKind.INVALID)
    if state.kind is PartyKind.SCHOOL and len(schools) > 1:
        detail = f"{state.party} is a school, and acts for itself: who acts for several is a field-partner"
        return Refusal("schools_too_many", detail, RefusalKind.INVALID)
    if len(set(schools)) < len(schools):
        return Refusal("school_named_twice", f"a school of {state.party} is named twice", RefusalKind.INVALID)
    after = state.model_copy(update={"name": name, "schools": tuple(schools)})
    return Decision(after, (), after.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody does something. `by`: the party for whom, None for staff; `key`: the prefix of the caller's key."""

    by: str | None
    key: str
    command: Command


def acting(*roles: Role) -> Callable[..., Awaitable[Act]]:
    """A dependency: who acts, as one of the roles, with the request's Idempotency-Key. Raises Problem 400, 401, 403.

    A party's Idempotency-Keys are its own: no other gets the answers that were kept under them.
    """

    # As a default: annotations are text, which is read without the `roles` of this call. The caller is asked for first:
    # a stranger is told that he is one, and not what else is missing.
    async def act(*, caller: Caller = Depends(needs(*roles)), command: Annotated[Command, Depends(command_of)]) -> Act:
        by = caller.acts_for
        own = command if by is None else replace(command, key=f"{by}:{command.key}")
        return Act(by, caller.prefix, own)

    return act


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PartyTerms(_Body):
    """A party's name, and the schools for which a school or a field partner acts."""

    name: PartyName
    schools: Schools = ()


class NewParty(PartyTerms):
    """A party to register. `party` is its id for good, and the name by which orders and legs name it."""

    party: Name
    kind: PartyKind


class KeyName(_Body):
    """What a key is for."""

    name: PartyName = "unnamed"


class PartyView(BaseModel):
    """A party as it is registered."""

    party: str
    kind: PartyKind
    name: str
    schools: list[str]


class PartyKeyView(BaseModel):
    """A key without its secret."""

    prefix: str
    role: Role
    name: str
    owner: str
    revoked: bool


class PartyWithKeys(PartyView):
    """A party with its keys."""

    keys: list[PartyKeyView]


class PartyList(BaseModel):
    """Parties by id; `next` is what to send as `after` for the page behind."""

    items: list[PartyView]
    next: str | None


class PartyKey(BaseModel):
    """A key, shown once."""

    party: str
    role: Role
    key: str
    name: str


def parties_router(parties: Store[Party], kinds: Collection[PartyKind]) -> APIRouter:
    """`/parties`: operators register parties and make their keys, staff see them."""
    router = APIRouter(prefix="/parties", tags=["parties"])
    _add_registration(router, parties, kinds)
    _add_reads(router, parties)
    return router


def _add_registration(router: APIRouter, parties: Store[Party], kinds: Collection[PartyKind]) -> None:
    operator = [Depends(needs())]

    @router.post(
        "", status_code=201, dependencies=operator, responses={201: {"model": PartyView}}, openapi_extra=COMMAND
    )
    async def post_party(new: NewParty, command: Annotated[Command, Depends(command_of)]) -> JSONResponse:
        """Registers a party. It acts once it has a key."""
        outcome = await parties.change(
            new.party,
            lambda state: register(state, kind=new.kind, name=new.name, schools=new.schools, kinds=kinds),
            command,
        )
        return answer_to(outcome, status=201)

    @router.put("/{party}", dependencies=operator, responses={200: {"model": PartyView}}, openapi_extra=COMMAND)
    async def put_party(
        party: Name, terms: PartyTerms, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """Another name, other schools: all of them are given anew. They hold at once."""
        outcome = await parties.change(
            party, lambda state: amend(state, name=terms.name, schools=terms.schools), command
        )
        return answer_to(outcome)

    @router.post("/{party}/keys", status_code=201, dependencies=operator, response_model=PartyKey)
    async def post_key(party: Name, purpose: KeyName, keys: KeysHere, noting: NotesActs) -> dict[str, str]:
        """One more key for the party. It is shown once; `DELETE /v1/keys/{prefix}` stops one."""
        role = ROLES_BY_KIND[_kind_of(await _known(parties, party))]
        note = partial(noting.key, of=f"parties/{party}/", made_for=f"{role}: {purpose.name}")
        key = await keys.add(NewKey(role=role, name=purpose.name), owner=party, note=note)
        return {"party": party, "role": role.value, "key": key, "name": purpose.name}


def _add_reads(router: APIRouter, parties: Store[Party]) -> None:
    @router.get("", response_model=PartyList)
    async def get_parties(
        *, staff: Staff, kind: PartyKind | None = None, after: After = "", limit: Limit = PAGE_DEFAULT
    ) -> dict[str, Any]:
        """Parties, by id."""
        return page(await parties.find(filters_of(kind=kind), after=after, limit=limit + 1), limit, shown_party)

    @router.get("/{party}", response_model=PartyWithKeys)
    async def get_party(party: Name, staff: Staff, keys: KeysHere) -> dict[str, Any]:
        """A party, with its keys; each without its secret."""
        state = await _known(parties, party)
        role = ROLES_BY_KIND[_kind_of(state)]
        own = [key for key in await keys.listed() if key["owner"] == party and key["role"] == role]
        return {**shown_party(state), "keys": own}


def shown_party(state: Party) -> dict[str, Any]:
    """A party as JSON."""
    return state.model_dump(mode="json")


async def _known(parties: Store[Party], id: str) -> Party:
    """The party, where it is registered. Raises Problem 404."""
    state = await parties.get(id)
    if state is None or state.kind is None:
        raise problem_of(unknown_party(id))
    return state


def _kind_of(party: Party) -> PartyKind:
    assert party.kind is not None, "a party has a kind from its first write on"
    return party.kind
