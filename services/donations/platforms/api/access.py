"""Who may look at what is a merchant's: the merchant itself, and some roles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Depends

from pandapack.contracts.donations import SCOPE_MARK, is_platform, scoped, unscoped
from pandapack.runtime.auth import Caller, Role, needs

OWN_NAMES = (Role.PLATFORM, Role.MERCHANT)
"""These say a merchant by the platform's own name for it; everybody else says `platform:merchant`."""


@dataclass(frozen=True, slots=True)
class NamedMerchant:
    """A merchant as a caller names it. `scoped`: its name on the ledger; None: no merchant that the caller may see.

    Of None nothing may be told but what would be told of a merchant that does not exist. `tests_of`: the platform in
    whose tests it is looked for; empty: in what counts.
    """

    name: str
    scoped: str | None
    tests_of: str = ""


def of_merchant(*roles: Role) -> Callable[..., Awaitable[NamedMerchant]]:
    """A dependency: the merchant that the path names, for a merchant's key or a role. Raises Problem 401, 403."""

    # As a default, since an annotation is read where `roles` is not known.
    async def named(merchant: str, caller: Caller = Depends(needs(Role.MERCHANT, *roles))) -> NamedMerchant:
        return NamedMerchant(merchant, scoped_for(caller, merchant), tests_of(caller))

    return named


def tests_of(caller: Caller) -> str:
    """The platform whose tests a caller sees, and nothing else; empty: the caller sees what counts."""
    return caller.owner if caller.is_testing else ""


def scoped_for(caller: Caller, merchant: str) -> str | None:
    """The ledger's name of a merchant as a caller names it; None where it is no merchant that the caller may see."""
    if caller.role in OWN_NAMES:
        platform = caller.owner if caller.role is Role.PLATFORM else caller.owner.partition(SCOPE_MARK)[0]
        if not is_platform(platform):
            return None  # a key of no registered platform has no merchants
        name = scoped(platform, merchant)
        return name if caller.role is Role.PLATFORM or name == caller.owner else None
    try:
        unscoped(merchant)
    except ValueError:
        return None
    return merchant


def shown_merchant(caller: Caller, merchant: str) -> str:
    """A merchant of the ledger as its caller names it."""
    return unscoped(merchant)[1] if caller.role in OWN_NAMES else merchant
