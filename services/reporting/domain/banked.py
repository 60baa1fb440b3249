"""What settlements have banked: "received" is what the platform told of, "banked" what it has paid.

A settlement says each day's gifts
once, and of each only what is newly banked, so adding up what is heard is all there is to do. Banked can never exceed
received: each donation is banked once, and only where it is in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.contracts.donations import DonationsBanked
from pandapack.contracts.envelope import Part
from pandapack.decision import Decision

CountAndFen = tuple[int, int]


class Banked(Part):
    """What is banked of a programme. `days`: the day on which the gifts were given → (count, fen)."""

    programme: str = ""
    count: int = 0
    fen: int = 0
    days: dict[str, CountAndFen] = {}


def bank(state: Banked, event: DonationsBanked) -> Decision[Banked]:
    """More of the programme's gifts are in the bank."""
    assert state.programme in ("", event.programme), f"{event.programme} is not {state.programme}"
    count, fen = state.days.get(event.day, (0, 0))
    update = {
        "programme": event.programme,
        "count": state.count + event.count,
        "fen": state.fen + event.fen,
        "days": state.days | {event.day: (count + event.count, fen + event.fen)},
    }
    return Decision(state.model_copy(update=update))


def together(parts: Iterable[Banked]) -> dict[str, Banked]:
    """Programme → what is banked of it: the partitions' documents added up."""
    whole: dict[str, Banked] = {}
    for part in parts:
        known = whole.get(part.programme, Banked(programme=part.programme))
        days = dict(known.days)
        for day, (count, fen) in part.days.items():
            before = days.get(day, (0, 0))
            days[day] = (before[0] + count, before[1] + fen)
        whole[part.programme] = Banked(
            programme=part.programme, count=known.count + part.count, fen=known.fen + part.fen, days=days
        )
    return whole
