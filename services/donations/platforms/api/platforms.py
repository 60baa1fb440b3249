"""Platforms: operators register them, give them keys and secrets, and change their terms."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse

from pandapack.contracts.donations import PlatformName
from pandapack.contracts.signing import secret_text
from pandapack.decision import Refusal
from pandapack.runtime.acts import NotesActs
from pandapack.runtime.auth import KeysHere, Mode, NewKey, Role, needs
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import answer_to, command_of, problem_of
from pandapack.runtime.openapi import COMMAND
from pandapack.runtime.paging import PAGE_DEFAULT, After, Limit, page
from pandapack.runtime.store import Command, Outcome
from services.donations.platforms.api.schemas import (
    PlatformChanged,
    PlatformKey,
    PlatformKeyPurpose,
    PlatformList,
    PlatformSecrets,
    PlatformWithKeys,
)
from services.donations.platforms.domain.platforms import Platform, Terms, amend, register, retire, rotate, unknown
from services.donations.platforms.store.platforms import Platforms

log = structlog.get_logger(__name__)

OPERATOR = [Depends(needs())]
Commanded = Annotated[Command, Depends(command_of)]
PlatformId = Annotated[PlatformName, Path()]


class NewPlatform(Terms):
    """A platform and its terms. `platform` is its id for good: what stands before its merchants on the ledger."""

    platform: PlatformName


def platforms_router(platforms: Platforms, clock: Clock, chance: Chance) -> APIRouter:
    """`/v1/platforms`."""
    router = APIRouter(prefix="/v1/platforms", tags=["platforms"])
    _add_registration(router, platforms, clock, chance)
    _add_secrets(router, platforms, clock, chance)
    return router


def _add_registration(router: APIRouter, platforms: Platforms, clock: Clock, chance: Chance) -> None:
    @router.post(
        "", status_code=201, dependencies=OPERATOR, responses={201: {"model": PlatformSecrets}}, openapi_extra=COMMAND
    )
    async def post_platform(new: NewPlatform, command: Commanded, keys: KeysHere, noting: NotesActs) -> JSONResponse:
        """Registers a platform. Its first key and its first signing secret are shown once, here.

        A repeat with the same Idempotency-Key has neither: where this answer was lost, make new ones.
        """
        terms = Terms.model_validate(new.model_dump(exclude={"platform"}))
        secret = _new_secret(chance)
        sealed, at = _sealed(platforms, secret, new.platform, is_test=False), clock.wall()
        outcome = await platforms.documents.change(
            new.platform, lambda state: register(state, terms=terms, sealed=sealed, at=at), command
        )
        answer = _created(outcome)
        if not answer.headers.get("Idempotent-Replayed"):
            note = partial(noting.key, of=f"platforms/{new.platform}/", made_for=f"{Role.PLATFORM}: {new.name}")
            key = await keys.add(NewKey(role=Role.PLATFORM, name=new.name), owner=new.platform, note=note)
            return _shown_once(outcome, key=key, secret=secret_text(secret))
        return answer

    @router.get("", dependencies=[Depends(needs(Role.AUDITOR))], response_model=PlatformList)
    async def get_platforms(after: After = "", limit: Limit = PAGE_DEFAULT) -> dict[str, Any]:
        """Platforms by id, without their secrets."""
        return page(await platforms.documents.find({}, after=after, limit=limit + 1), limit, shown_platform)

    @router.get("/{platform}", dependencies=OPERATOR, response_model=PlatformWithKeys)
    async def get_platform(platform: PlatformId, keys: KeysHere) -> dict[str, Any]:
        """A platform, with its keys; each without its secret."""
        state = await known_platform(platforms, platform)
        own = [key for key in await keys.listed() if key["owner"] == platform and key["role"] == Role.PLATFORM]
        return {**shown_platform(state), "keys": own}

    @router.put(
        "/{platform}", dependencies=OPERATOR, responses={200: {"model": PlatformChanged}}, openapi_extra=COMMAND
    )
    async def put_platform(platform: PlatformId, terms: Terms, command: Commanded) -> JSONResponse:
        """Other terms: name, rate, whether pushes must be signed. They hold within seconds."""
        outcome = await platforms.documents.change(platform, lambda state: amend(state, terms=terms), command)
        platforms.forget(platform)
        return answer_to(outcome)


def _add_secrets(router: APIRouter, platforms: Platforms, clock: Clock, chance: Chance) -> None:
    @router.post("/{platform}/keys", dependencies=OPERATOR, status_code=201, response_model=PlatformKey)
    async def post_key(
        platform: PlatformId, purpose: PlatformKeyPurpose, keys: KeysHere, noting: NotesActs
    ) -> dict[str, str]:
        """One more key, live or for tests. It is shown once; `DELETE /v1/keys/{prefix}` stops one."""
        await known_platform(platforms, platform)
        made_for = f"{Role.PLATFORM} ({purpose.mode}): {purpose.name}"
        note = partial(noting.key, of=f"platforms/{platform}/", made_for=made_for)
        key = await keys.add(NewKey(role=Role.PLATFORM, name=purpose.name), platform, purpose.mode, note=note)
        return {"platform": platform, "key": key, "name": purpose.name, "mode": purpose.mode}

    @router.post(
        "/{platform}/secrets",
        status_code=201,
        dependencies=OPERATOR,
        responses={201: {"model": PlatformSecrets}},
        openapi_extra=COMMAND,
    )
    async def post_secret(
        platform: PlatformId,
        command: Commanded,
        retire: Annotated[Literal["oldest"] | None, Query(description="Which secret ends where two are live.")] = None,
        mode: Annotated[Mode, Query(description="Whether it signs what counts, or tests.")] = Mode.LIVE,
    ) -> JSONResponse:
        """A new signing secret, shown once. The one before stays live until it is retired.

        Two may be live. A third is refused, 409, unless one is retired before, or `?retire=oldest` says which ends.
        What comes with a test key is signed with a secret of `?mode=test`, of which two may be beside those, and no
        other: a secret for tests signs nothing that counts, and a live one no test.
        """
        secret, is_test = _new_secret(chance), mode is Mode.TEST
        sealed, at, told = _sealed(platforms, secret, platform, is_test=is_test), clock.wall(), retire is not None
        outcome = await platforms.documents.change(
            platform, lambda state: rotate(state, sealed=sealed, at=at, retire_oldest=told, is_test=is_test), command
        )
        platforms.forget(platform)
        answer = _created(outcome)
        return answer if answer.headers.get("Idempotent-Replayed") else _shown_once(outcome, secret=secret_text(secret))

    @router.delete(
        "/{platform}/secrets/{number}",
        dependencies=OPERATOR,
        responses={200: {"model": PlatformChanged}},
        openapi_extra=COMMAND,
    )
    async def delete_secret(
        platform: PlatformId, number: Annotated[int, Path(ge=1, le=2**31)], command: Commanded
    ) -> JSONResponse:
        """A secret is good no longer, within seconds. The last live one stays."""
        outcome = await platforms.documents.change(platform, lambda state: retire(state, number=number), command)
        platforms.forget(platform)
        return answer_to(outcome)


def shown_platform(state: Platform) -> dict[str, Any]:
    """A platform without what is secret."""
    assert state.terms is not None, "a platform has terms from its first write on"
    secrets = [
        {
            "number": secret.number,
            "mode": Mode.TEST if secret.is_test else Mode.LIVE,
            "since": secret.since.isoformat(),
        }
        for secret in state.secrets
    ]
    return {"platform": state.platform, **state.terms.model_dump(mode="json"), "secrets": secrets}


async def known_platform(platforms: Platforms, id: str) -> Platform:
    """The platform, where it is registered. Raises Problem 404."""
    state = await platforms.documents.get(id)
    if state is None or state.terms is None:
        raise problem_of(unknown(id))
    return state


def _new_secret(chance: Chance) -> bytes:
    return hashlib.sha256(chance.token().encode()).digest()


def _sealed(platforms: Platforms, secret: bytes, platform: str, *, is_test: bool) -> str:
    if not platforms.sealer.is_encrypting:
        log.warning("secret_kept_unencrypted", platform=platform, mend="set PANDA_SECRETS_KEY")
    return platforms.seal(secret, platform, is_test=is_test)


def _created(outcome: Outcome[Platform] | Refusal) -> JSONResponse:
    return answer_to(outcome, status=201)


def _shown_once(outcome: Outcome[Platform] | Refusal, **shown: str) -> JSONResponse:
    assert not isinstance(outcome, Refusal), "a refusal was raised before"
    return JSONResponse({**outcome.answer, **shown}, 201)
