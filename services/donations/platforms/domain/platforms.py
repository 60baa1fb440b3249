"""Platforms that push, and merchants that look: who they are, what they may, and the secrets that they sign with.

A platform has at most two signing secrets for what counts, and two for its tests: a new one comes in front, and the one
before stays good until it is retired or another comes. Those for tests sign nothing that counts, the others no test.
Secrets stand here sealed (`store.secrets`): a decision never sees one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal, RefusalKind

SECRETS_LIVE_MAX = 2
LINES_A_SECOND = 100_000
LINES_A_SECOND_MAX = 10_000_000
TITLE_CHARACTERS_MAX = 100

# One line of text that a page can show: no control characters.
Title = Annotated[str, StringConstraints(min_length=1, max_length=TITLE_CHARACTERS_MAX, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Terms(Part):
    """What was agreed with a platform. `lines_a_second` holds for each process of the service."""

    name: Title
    lines_a_second: Annotated[int, Field(ge=1, le=LINES_A_SECOND_MAX)] = LINES_A_SECOND
    signature_demanded: bool = False


class Secret(Part):
    """A signing secret, sealed. `number` counts a platform's secrets from 1. `is_test`: what it signs is a test."""

    number: int
    sealed: str
    since: datetime
    is_test: bool = False


class Platform(Part):
    """A platform. `secrets`: those that are good, the newest first. Without terms it is not registered."""

    platform: str
    terms: Terms | None = None
    secrets: tuple[Secret, ...] = ()
    issued: int = 0

    def secrets_for(self, *, is_test: bool) -> tuple[Secret, ...]:
        """Those that sign tests, or those that sign what counts, the newest first."""
        return tuple(secret for secret in self.secrets if secret.is_test is is_test)


class Merchant(Part):
    """A merchant that has keys of its own. `merchant`: its name on the ledger, `platform:merchant`, for good."""

    merchant: str
    name: str | None = None


def register(state: Platform, *, terms: Terms, sealed: str, at: datetime) -> Decision[Platform] | Refusal:
    """A platform gets its terms and its first secret."""
    if state.terms is not None:
        detail = f"platform {state.platform} is registered already; PUT changes its terms"
        return Refusal("platform_known", detail)
    return _issued(state.model_copy(update={"terms": terms}), sealed, at)


def amend(state: Platform, *, terms: Terms) -> Decision[Platform] | Refusal:
    """Other terms; they hold within seconds."""
    if state.terms is None:
        return unknown(state.platform)
    return Decision(state.model_copy(update={"terms": terms}), answer={"platform": state.platform})


def rotate(
    state: Platform, *, sealed: str, at: datetime, retire_oldest: bool = False, is_test: bool = False
) -> Decision[Platform] | Refusal:
    """A new secret in front; the others stay good. Where no more may be, the oldest ends only if that is asked for.

    Somebody may sign with it still, and would find out by being refused. `is_test`: it is to sign tests; it ends none
    of those that sign what counts.
    """
    if state.terms is None:
        return unknown(state.platform)
    alike = state.secrets_for(is_test=is_test)
    if len(alike) < SECRETS_LIVE_MAX:
        retired, kept = None, state
    elif retire_oldest:
        retired = alike[-1].number
        kept = _without(state, retired)
    else:
        oldest = alike[-1].number
        which = f"{SECRETS_LIVE_MAX} secrets of {state.platform} {'for tests are good' if is_test else 'are live'}"
        detail = (
            f"{which}: a new one would end secret {oldest}, with which pushes may still be signed. Retire it (DELETE "
            f"/v1/platforms/{state.platform}/secrets/{oldest}), or ask with ?retire=oldest"
        )
        return Refusal("secret_would_end", detail)
    issued = _issued(kept, sealed, at, is_test=is_test)
    return Decision(issued.state, answer={**issued.answer, "retired": retired})


def retire(state: Platform, *, number: int) -> Decision[Platform] | Refusal:
    """An old secret is good no longer. The last one that signs what counts stays: rotate first."""
    if state.terms is None:
        return unknown(state.platform)
    if number not in {secret.number for secret in state.secrets}:
        detail = f"platform {state.platform} has no live secret {number}"
        return Refusal("secret_unknown", detail, RefusalKind.NOT_FOUND)
    if [secret.number for secret in state.secrets_for(is_test=False)] == [number]:
        return Refusal("secret_is_the_last", f"secret {number} is the only live one: make a new one first, then retire")
    return Decision(_without(state, number), answer={"platform": state.platform, "retired": number})


def enrol(state: Merchant, *, name: str) -> Decision[Merchant] | Refusal:
    """A merchant is registered, so that it can be given keys."""
    if state.name is not None:
        return Refusal("merchant_known", f"merchant {state.merchant} is registered already")
    return _called(state, name)


def rename(state: Merchant, *, name: str) -> Decision[Merchant] | Refusal:
    """A merchant is called otherwise. It stays its platform's: its gifts lie on the ledger under that platform."""
    if state.name is None:
        return unknown_merchant(state.merchant)
    return _called(state, name)


def unknown_merchant(merchant: str) -> Refusal:
    """No such merchant is registered."""
    return Refusal("merchant_unknown", f"there is no registered merchant {merchant}", RefusalKind.NOT_FOUND)


def unknown(platform: str) -> Refusal:
    """No such platform."""
    return Refusal("platform_unknown", f"there is no platform {platform}", RefusalKind.NOT_FOUND)


def _called(state: Merchant, name: str) -> Decision[Merchant]:
    later = state.model_copy(update={"name": name})
    return Decision(later, answer=later.model_dump())


def _without(state: Platform, number: int) -> Platform:
    left = tuple(secret for secret in state.secrets if secret.number != number)
    return state.model_copy(update={"secrets": left})


def _issued(state: Platform, sealed: str, at: datetime, *, is_test: bool = False) -> Decision[Platform]:
    number = state.issued + 1
    live = (Secret(number=number, sealed=sealed, since=at, is_test=is_test), *state.secrets)
    answer: dict[str, object] = {"platform": state.platform, "secret_number": number}
    return Decision(state.model_copy(update={"secrets": live, "issued": number}), answer=answer)
