"""What the resources share: names in paths and bodies, who may read, and pages of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from pydantic import StringConstraints

from pandapack.contracts.donations import Name
from pandapack.runtime.auth import Caller, Role, needs

PAGE_DEFAULT = 100
PAGE_MAX = 500

Reader = Annotated[
    Caller,
    Depends(needs(Role.BUYER, Role.SUPPLIER, Role.WAREHOUSE, Role.CARRIER, Role.SCHOOL, Role.AUDITOR)),
]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
After = Annotated[str, Query(max_length=200)]
DocumentNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,100}$")]
"""A number on somebody's paper: a receipt, an invoice, a lot."""

S = TypeVar("S")
__all__ = ["After", "DocumentNumber", "Limit", "Name", "Reader", "filters_of", "page"]


def filters_of(**filters: str | None) -> dict[str, Any]:
    """Those filters that are set, as paths into the state."""
    return {f"state.{name}": value for name, value in filters.items() if value is not None}


def page(found: Sequence[tuple[str, S]], limit: int, shown: Callable[[S], dict[str, Any]]) -> dict[str, Any]:
    """`items`, and as `next` what to send as `after` for the page behind; null where nothing is behind.

    `found` was looked up with one more than `limit`.
    """
    here = found[:limit]
    return {
        "items": [shown(state) for _, state in here],
        "next": here[-1][0] if len(found) > limit else None,
    }
