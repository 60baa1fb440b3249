"""Who may do what: keys with roles, kept as a prefix and a digest.

A key reads `panda_<role>_<prefix>_<secret>`, one for tests `panda_<role>_test_<prefix>_<secret>`; only its SHA-256 is
stored. Keys are secrets of full entropy, so a plain digest is enough: there is nothing to guess that a slow hash would
slow down.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

from pandapack.contracts.causation import Actor
from pandapack.runtime.acts import NotesActs
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.documents import Rows
from pandapack.runtime.errors import Misconfigured
from pandapack.runtime.http import ACTOR, Problem

KEYS_FRESH_S = 5.0
"""A revoked key may still pass for this long."""
PREFIX_CHARACTERS = 8
KEY_NAME_CHARACTERS_MAX = 200
"""A key's name is a line in a list: a person's or a machine's, and what for."""


class Role(StrEnum):
    """What a key's holder is in the chain."""

    PLATFORM = "platform"
    BUYER = "buyer"
    TREASURER = "treasurer"  # decides on invoices that are held; orders nothing
    SUPPLIER = "supplier"
    WAREHOUSE = "warehouse"
    CARRIER = "carrier"
    SCHOOL = "school"
    EVALUATOR = "evaluator"  # asks pupils, and takes no other part
    MERCHANT = "merchant"  # sees its own volumes and donations; its keys are made with an owner
    AUDITOR = "auditor"  # reads what is not public; the services read each other with such a key
    OPERATOR = "operator"


class Mode(StrEnum):
    """What a key's holder sends counts, or is a test: then it is answered alike, and touches nothing that counts."""

    LIVE = "live"
    TEST = "test"


STAFF_ROLES = (Role.BUYER, Role.TREASURER, Role.AUDITOR)
"""With operators, who may do all, these are staff."""
PARTY_ROLES = frozenset({Role.SUPPLIER, Role.WAREHOUSE, Role.CARRIER, Role.SCHOOL, Role.EVALUATOR})
"""Their keys belong to a registered party, and act for it alone."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling. `name` is what the key was made for, `owner` a registered party's id, where it is one's."""

    prefix: str
    role: Role
    name: str
    owner: str = ""
    mode: Mode = Mode.LIVE

    @property
    def is_testing(self) -> bool:
        """Whether what the caller sends is a test, and what is live is not the caller's to see."""
        return self.mode is Mode.TEST

    @property
    def party(self) -> str:
        """Whose things are this caller's: one party may have several keys."""
        return self.owner or self.prefix

    @property
    def is_staff(self) -> bool:
        """Whether the caller works for the programme, and sees what is everybody's."""
        return self.role is Role.OPERATOR or self.role in STAFF_ROLES

    @property
    def acts_for(self) -> str | None:
        """The party on whose own the caller acts; None: staff, whom roles alone bound."""
        return None if self.is_staff else self.owner


KeyNote = Callable[[str], Awaitable[None]]
"""Is told the prefix of a key before it is made, or revoked; it may refuse."""


class NewKey(BaseModel):
    """A key is made for a role and a purpose."""

    role: Role
    name: Annotated[str, Field(min_length=1, max_length=KEY_NAME_CHARACTERS_MAX)]


def digest_of(key: str) -> str:
    """SHA-256 of the whole key, hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def make_key(role: Role, chance: Chance, mode: Mode = Mode.LIVE) -> tuple[str, str]:
    """A new key and its prefix. The key is shown once and never stored."""
    prefix = hashlib.sha256(chance.token().encode()).hexdigest()[:PREFIX_CHARACTERS]
    kind = role if mode is Mode.LIVE else f"{role}_{mode}"
    return f"panda_{kind}_{prefix}_{chance.token().replace('_', '-')}", prefix


class Keys:
    """The keys of one service: kept in its database, cached for `KEYS_FRESH_S`."""

    def __init__(self, rows: Rows, clock: Clock, chance: Chance) -> None:
        self._rows, self._clock, self._chance = rows, clock, chance
        self._cache: dict[str, Caller] = {}
        self._fresh_until_s = 0.0
        self._loading = asyncio.Lock()

    async def import_file(self, file: Path | None) -> None:
        """Keys that were made on first start (digests only). Raises Misconfigured if the file is not what it should."""
        if file is None:
            return
        try:
            listed = json.loads(file.read_text())
            rows = [
                self._row(
                    k["prefix"],
                    Role(k["role"]),
                    k["name"],
                    k["digest"],
                    k.get("owner", ""),
                    Mode(k.get("mode", Mode.LIVE)),
                )
                for k in listed
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Misconfigured(
                f"PANDA_KEYS_FILE {file}: {error}; expected [{{prefix, role, digest, name, owner, mode}}]"
            ) from error
        await self._rows.insert_in_order(rows)

    async def add(self, new: NewKey, owner: str = "", mode: Mode = Mode.LIVE, *, note: KeyNote | None = None) -> str:
        """Makes a key and answers it: the only time that it is seen. `owner`: the registered party whose it is.

        `note` is told its prefix before the key is good for anything.
        """
        key, prefix = make_key(new.role, self._chance, mode)
        if note is not None:
            await note(prefix)
        await self._rows.insert(self._row(prefix, new.role, new.name, digest_of(key), owner, mode))
        self._fresh_until_s = 0.0
        return key

    async def revoke(self, prefix: str, *, note: KeyNote | None = None) -> bool:
        """False: there is no such key. `note` is told the prefix before."""
        if await self._rows.one(prefix) is None:
            return False
        if note is not None:
            await note(prefix)
        self._fresh_until_s = 0.0
        return await self._rows.set(prefix, {"revoked": self._clock.wall()})

    async def listed(self) -> list[dict[str, Any]]:
        """All keys, without digests."""
        rows = await self._rows.find({}, limit=10_000)
        return [
            {
                "prefix": row["_id"],
                "role": row["role"],
                "name": row["name"],
                "owner": row.get("owner", ""),
                "mode": row.get("mode", Mode.LIVE),
                "revoked": bool(row["revoked"]),
            }
            for row in rows
        ]

    async def caller(self, key: str) -> Caller | None:
        """Who holds this key, or None."""
        if monotonic_s() >= self._fresh_until_s:
            await self._load()
        return self._cache.get(digest_of(key))

    async def _load(self) -> None:
        async with self._loading:
            if monotonic_s() < self._fresh_until_s:
                return
            rows = await self._rows.find({"revoked": None}, limit=10_000)
            self._cache = {
                row["digest"]: Caller(
                    row["_id"],
                    Role(row["role"]),
                    row["name"],
                    row.get("owner", ""),
                    Mode(row.get("mode", Mode.LIVE)),
                )
                for row in rows
            }
            self._fresh_until_s = monotonic_s() + KEYS_FRESH_S

    def _row(
        self, prefix: str, role: Role, name: str, digest: str, owner: str = "", mode: Mode = Mode.LIVE
    ) -> dict[str, Any]:
        row = {"_id": prefix, "role": role.value, "name": name, "digest": digest, "revoked": None}
        if mode is not Mode.LIVE:
            row["mode"] = mode.value
        return {**row, "owner": owner} if owner else row

    async def holder(self, prefix: str) -> Caller | None:
        """Whose the standing key with this prefix is, or None."""
        if monotonic_s() >= self._fresh_until_s:
            await self._load()
        return next((c for c in self._cache.values() if hmac.compare_digest(c.prefix, prefix)), None)


def keys_of(request: Request) -> Keys:
    """The service's keys."""
    keys: Keys = request.app.state.keys
    return keys


KeysHere = Annotated[Keys, Depends(keys_of)]

# It refuses nothing itself: it tells the OpenAPI description that endpoints behind it want a key.
BEARER = HTTPBearer(auto_error=False, description="A key that `panda key list` shows.")


async def optional_caller(request: Request) -> Caller | None:
    """The request's caller by its bearer key; None where there is none that is known."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    caller = await keys_of(request).caller(key.strip()) if scheme.lower() == "bearer" and key else None
    if caller is not None:
        request.scope[ACTOR] = Actor(caller.name, caller.role, caller.prefix)
    return caller


async def caller_of(request: Request, _: Annotated[object, Depends(BEARER)] = None) -> Caller:
    """The request's caller by its bearer key. Raises Problem 401."""
    caller = await optional_caller(request)
    if caller is None:
        problem = Problem(
            401, "key_unknown", "send `Authorization: Bearer <key>` with a key that `panda key list` shows"
        )
        problem.headers["WWW-Authenticate"] = "Bearer"
        raise problem
    return caller


class Needs:
    """A dependency: the caller, who must have one of the roles. An operator may do all.

    Whoever bounds requests asks `admit` before a body is read; a route that asks again by itself is answered the same.
    """

    def __init__(self, *roles: Role) -> None:
        self._roles = roles

    async def __call__(self, caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
        """Raises Problem 401, 403."""
        self.admit(caller)
        return caller

    def admit(self, caller: Caller) -> None:
        """Raises Problem 403. A key of a party's role that belongs to no party may do nothing."""
        if caller.role is not Role.OPERATOR and caller.role not in self._roles:
            wanted = " or ".join([*self._roles, Role.OPERATOR])
            raise Problem(403, "role_not_allowed", f"this needs a key of role {wanted}; yours is {caller.role}")
        if caller.role in PARTY_ROLES and not caller.owner:
            detail = f"this key of role {caller.role} belongs to no party: ask an operator for one by `panda party key`"
            raise Problem(403, "party_missing", detail)


def needs(*roles: Role) -> Needs:
    """A dependency: the caller, who must have one of the roles. Raises Problem 401, 403."""
    return Needs(*roles)


def keys_router() -> APIRouter:
    """`/v1/keys`: operators make, list and revoke keys."""
    router = APIRouter(prefix="/v1/keys", tags=["keys"], dependencies=[Depends(needs())])

    @router.post("", status_code=201)
    async def add(new: NewKey, keys: KeysHere, noting: NotesActs) -> dict[str, str]:
        """Makes a key. It is shown once."""
        if new.role is Role.MERCHANT:
            detail = "a merchant's key says whose it is: POST /v1/merchants/{merchant}/keys"
            raise Problem(422, "owner_missing", detail)
        if new.role in PARTY_ROLES:
            detail = f"a {new.role}'s key says whose it is: POST /v1/parties/{{party}}/keys, or `panda party key`"
            raise Problem(422, "party_missing", detail)
        return {
            "key": await keys.add(new, note=partial(noting.key, made_for=f"{new.role}: {new.name}")),
            "role": new.role,
            "name": new.name,
        }

    @router.get("")
    async def listed(keys: Annotated[Keys, Depends(keys_of)]) -> dict[str, Any]:
        """All keys, without their secrets."""
        return {"items": await keys.listed()}

    @router.delete("/{prefix}", status_code=204)
    async def revoke(prefix: str, keys: KeysHere, noting: NotesActs) -> Response:
        """The key stops working within seconds."""
        if not await keys.revoke(prefix, note=noting.key):
            raise Problem(404, "key_unknown", f"there is no key with the prefix {prefix}")
        return Response(status_code=204)

    return router
