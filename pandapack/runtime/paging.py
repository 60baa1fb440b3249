"""What the resources share: names in paths and bodies, who may read, and pages of a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from pydantic import StringConstraints

from pandapack.contracts.donations import Name
from pandapack.runtime.auth import STAFF_ROLES, Caller, needs

PAGE_DEFAULT = 100
PAGE_MAX = 500

Staff = Annotated[Caller, Depends(needs(*STAFF_ROLES))]
"""Who may read what is nobody's own."""
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
After = Annotated[str, Query(max_length=200)]
DocumentNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,100}$")]
"""A number on somebody's paper: a receipt, an invoice, a lot."""

S = TypeVar("S")
__all__ = ["After", "DocumentNumber", "Limit", "Name", "Staff", "filters_of", "narrowed", "page"]


def filters_of(**filters: str | None) -> dict[str, Any]:
    """Those filters that are set, as paths into the state."""
    return {f"state.{name}": value for name, value in filters.items() if value is not None}


def narrowed(where: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is asked for, of one's own alone; None where nothing can be both."""
    if any(where.get(path, value) != value for path, value in own.items()):
        return None
    return {**where, **own}


def page(found: Sequence[tuple[str, S]], limit: int, shown: Callable[[S], dict[str, Any]]) -> dict[str, Any]:
    """`items`, and as `next` what to send as `after` for the page behind; null where nothing is behind.

    `found` was looked up with one more than `limit`.
    """
    here = found[:limit]
    return {
        "items": [shown(state) for _, state in here],
        "next": here[-1][0] if len(found) > limit else None,
    }
