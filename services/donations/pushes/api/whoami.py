"""Who a key is to this service: what its holder may, and what the service's clock shows."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from pandapack.contracts.donations import AMOUNT_FEN_MAX, CHINA, NAME_CHARACTERS_MAX
from pandapack.contracts.signing import TOLERANCE_S
from pandapack.runtime.auth import Caller, Mode, Role, caller_of
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import problem_of
from services.donations.door.work.admission import unregistered
from services.donations.platforms.store.platforms import Platforms
from services.donations.pushes.api.bodies import BODY_BYTES_MAX, BODY_READ_S_MAX, LINES_A_PUSH_MAX
from services.donations.validation.domain.failures import FUTURE_S_MAX


class SigningView(BaseModel):
    """Whether pushes must be signed, and what a signature is measured by."""

    demanded: bool
    live_secrets: Annotated[int, Field(description="By how many secrets a signature may be right.")]
    tolerance_s: int
    timestamp: Annotated[
        int, Field(description="What `webhook-timestamp` would be now: wall time, whatever year is played.")
    ]


class LimitsView(BaseModel):
    """What a push is held to. Units are in the names."""

    lines_a_second: Annotated[
        int | None, Field(description="At each process of the service; null: not a registered platform, no rate.")
    ]
    lines_a_push_max: int
    body_bytes_max: Annotated[int, Field(description="As sent, and as inflated.")]
    body_read_s_max: int
    age_days_max: Annotated[int, Field(description="How far `at` of a donation may lie behind `now`.")]
    ahead_s_max: Annotated[int, Field(description="How far `at` may lie ahead of `now`.")]
    amount_fen_max: int
    name_characters_max: int


class WhoAmI(BaseModel):
    """Who the key's holder is, and when it is here."""

    role: Role
    name: Annotated[str, Field(description="What the key was made for.")]
    platform: Annotated[
        str | None, Field(description="Null: the key is of no registered platform, and can write nothing.")
    ]
    mode: Mode
    signing: SigningView
    limits: LimitsView
    now: Annotated[str, Field(description="This service's clock, by which `at` is judged; RFC 3339, UTC.")]
    at: Annotated[
        str, Field(description="The same in Asia/Shanghai, whole seconds: a donation's `at`, and before `T` its day.")
    ]


def whoami_router(platforms: Platforms, clock: Clock, *, accept_days: int) -> APIRouter:
    """`GET /v1/whoami`. `accept_days`: how old a donation may be."""
    router = APIRouter(prefix="/v1", tags=["pushes"])

    @router.get("/whoami", response_model=WhoAmI)
    async def get_whoami(caller: Annotated[Caller, Depends(caller_of)]) -> WhoAmI:
        """Who this key is: its platform, live or test, signing and limits; and the service's clock.

        `at` can be sent as a donation's `at` as it is, whatever year a demonstration plays.
        """
        platform = caller.owner if caller.role is Role.PLATFORM else ""
        registered = await platforms.registered(platform) if platform else None
        if platform and registered is None:
            raise problem_of(unregistered(platform))
        terms, now = registered.terms if registered else None, clock.now()
        return WhoAmI(
            role=caller.role,
            name=caller.name,
            platform=platform or None,
            mode=caller.mode,
            signing=SigningView(
                demanded=terms is not None and terms.signature_demanded,
                live_secrets=len(registered.signing_keys_for(is_testing=caller.is_testing)) if registered else 0,
                tolerance_s=TOLERANCE_S,
                timestamp=int(clock.wall().timestamp()),
            ),
            limits=LimitsView(
                lines_a_second=terms.lines_a_second if terms else None,
                lines_a_push_max=LINES_A_PUSH_MAX,
                body_bytes_max=BODY_BYTES_MAX,
                body_read_s_max=BODY_READ_S_MAX,
                age_days_max=accept_days,
                ahead_s_max=FUTURE_S_MAX,
                amount_fen_max=AMOUNT_FEN_MAX,
                name_characters_max=NAME_CHARACTERS_MAX,
            ),
            now=now.isoformat(),
            at=now.astimezone(CHINA).isoformat(timespec="seconds"),
        )

    return router
