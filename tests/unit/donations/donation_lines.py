"""A line of a push as a platform writes it, and such lines with something changed."""

from __future__ import annotations

import json
from typing import Any

GOOD: dict[str, Any] = {
    "id": "4000000000000000001",
    "merchant": "M00001",
    "programme": "love-parcel",
    "amount_fen": 5,
    "at": "2021-11-11T00:00:01+08:00",
}


def line_with(**changes: Any) -> bytes:
    """A good line, but for the fields that are named."""
    return json.dumps({**GOOD, **changes}).encode()


def line_without(name: str) -> bytes:
    """A good line that lacks a field."""
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()
