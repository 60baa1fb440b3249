"""A line of a push of reversals as a platform writes it."""

from __future__ import annotations

import json


def reversal_line(**changes: object) -> bytes:
    """A good line, but for the fields that are named; a field that is None is left out."""
    fields = {
        "reversal": "R1",
        "merchant": "M1",
        "donation": "1",
        "day": "2021-11-11",
        "amount_fen": 3,
        "at": "2021-11-13T10:00:00+08:00",
        **changes,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()
