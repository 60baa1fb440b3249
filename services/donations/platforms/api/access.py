"""Who may look at what is a merchant's: the merchant itself, and some roles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Depends

from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.http import Problem


def of_merchant(*roles: Role) -> Callable[..., Awaitable[Caller]]:
    """A dependency: the merchant that the path names, or one of the roles. Raises Problem 401, 403."""

    # As a default, since an annotation is read where `roles` is not known.
    async def allowed(merchant: str, caller: Caller = Depends(needs(Role.MERCHANT, *roles))) -> Caller:
        if caller.role is Role.MERCHANT and caller.owner != merchant:
            raise Problem(403, "merchant_is_another", f"this key is of merchant {caller.owner}, and sees no other's")
        return caller

    return allowed
