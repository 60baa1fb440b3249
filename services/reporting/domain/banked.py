"""What settlements have banked: "received" is what the platform pushed, "banked" is what it has paid of that.

A settlement publishes one event a day of donations, with what is newly banked of that day, so adding up the events is
all there is to do. Banked can never exceed received: each donation is banked once, and only where the ledger has it.
"""

from __future__ import annotations

from pandapack.contracts.donations import DonationsBanked
from pandapack.contracts.envelope import Part
from pandapack.decision import Decision
from services.reporting.domain.figures import CountAndFen, sums_by_name


class BankedDonations(Part):
    """What is banked of a programme. `days`: the day on which the donations were made → (count, fen)."""

    programme: str = ""
    count: int = 0
    fen: int = 0
    days: dict[str, CountAndFen] = {}


def bank(state: BankedDonations, event: DonationsBanked) -> Decision[BankedDonations]:
    """More of the programme's donations are in the bank."""
    assert state.programme in ("", event.programme), f"{event.programme} is not {state.programme}"
    update = {
        "programme": event.programme,
        "count": state.count + event.count,
        "fen": state.fen + event.fen,
        "days": sums_by_name(state.days, [{event.day: (event.count, event.fen)}]),
    }
    return Decision(state.model_copy(update=update))
