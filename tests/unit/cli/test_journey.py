"""`panda journey` tells a journey to people: what is next first, and then what happened."""

from __future__ import annotations

from typing import Any

from pandapack.cli.journey import lines

FOUND: dict[str, Any] = {
    "kind": "order",
    "id": "O-1",
    "events": [
        {
            "at": "2021-11-11T02:00:00+00:00",
            "service": "procurement",
            "own": True,
            "what": {"en": "Order O-1 went to S1.", "zh": ""},
            "who": {"name": "Li", "role": "buyer", "key": "k"},
            "reason": "it is urgent",
            "causes": ["/procurement/rounds/R-1#1"],
            "detour": None,
        }
    ],
    "next": {
        "step": "order_confirmed",
        "due": "2021-11-18T02:00:00+00:00",
        "overdue_since": "2021-11-18T02:00:00+00:00",
        "what": {"en": "The supplier confirms order O-1", "zh": ""},
    },
    "parked": [],
    "next_page": None,
    "more_around": False,
}


def test_an_overdue_step_stands_above_all_that_happened() -> None:
    told = lines(FOUND)
    assert told[1] == "  next: The supplier confirms order O-1 (OVERDUE since 2021-11-18 02:00:00)"
    assert "by Li (buyer), why: it is urgent" in "\n".join(told)


def test_a_journey_without_events_says_so() -> None:
    told = lines({**FOUND, "events": [], "next": None})
    assert told[1:] == ["  next: no step is due", "", "no event yet"]
