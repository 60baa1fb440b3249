"""Pushes that were refused: what was answered, and, where a signature was wrong, what was signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

DETAIL_CHARACTERS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class RefusedPush:
    """A push that was refused. `at` is business time, `opened` wall time; `is_test` None: that was not known yet.

    `signed`: what we signed, where the signature was wrong: never a secret, and never the signature.
    """

    owner: str
    request_id: str
    at: datetime
    opened: datetime
    status: int
    code: str
    detail: str
    rejected: int | None = None
    is_test: bool | None = None
    signed: Mapping[str, Any] | None = None
