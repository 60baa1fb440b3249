"""What settlements have banked: "received" is what the platform pushed, "banked" is what it has paid of that.

A settlement publishes what is newly banked of a day of donations, so adding up the events is all there is to do. Banked
can never exceed received: each donation is banked once, only where the ledger has it, and net of what was taken back of
it by then.

By merchant it is kept a day at a time, in `BUCKETS` parts, since one document of a festival's merchants would be too
large. An event that does not tell of merchants is `unnamed`: of its day no merchant's figure is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from pandapack.contracts.donations import DonationsBanked
from pandapack.contracts.envelope import Part
from pandapack.decision import Decision
from services.reporting.domain.donations import PackedMerchants
from services.reporting.domain.figures import CountAndFen, sums_by_name

BUCKETS = 16


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


class BankedMerchants(Part):
    """What is banked of a day's donations: some of the merchants → (count, fen), over all programmes."""

    day: str = ""
    merchants: PackedMerchants = {}
    unnamed: CountAndFen = (0, 0)


@dataclass(frozen=True, slots=True)
class BankedOfDay:
    """A day's merchants → (count, fen) that are banked. Where not `is_whole`, merchants may have more than that."""

    merchants: dict[str, CountAndFen]
    is_whole: bool

    def of(self, merchant: str) -> CountAndFen | None:
        """What is banked of a merchant's donations; None where it is not known."""
        return self.merchants.get(merchant, (0, 0)) if self.is_whole else None


def by_bucket(event: DonationsBanked) -> dict[int, BankedMerchants]:
    """What the event adds, bucket by bucket; what is of no merchant that is told lies in the first."""
    if not event.merchants:
        return {0: BankedMerchants(day=event.day, unnamed=(event.count, event.fen))}
    parts: dict[int, dict[str, CountAndFen]] = {}
    for merchant, cell in event.merchants.items():
        parts.setdefault(crc32(merchant.encode()) % BUCKETS, {})[merchant] = cell
    return {bucket: BankedMerchants(day=event.day, merchants=part) for bucket, part in sorted(parts.items())}


def bank_merchants(state: BankedMerchants, more: BankedMerchants) -> Decision[BankedMerchants]:
    """More of some merchants' donations are in the bank."""
    assert state.day in ("", more.day), f"{more.day} is not {state.day}"
    unnamed = (state.unnamed[0] + more.unnamed[0], state.unnamed[1] + more.unnamed[1])
    merchants = sums_by_name(state.merchants, [more.merchants])
    return Decision(BankedMerchants(day=more.day, merchants=merchants, unnamed=unnamed))


def banked_of_day(parts: Iterable[BankedMerchants]) -> BankedOfDay:
    """A day's buckets added up."""
    known = list(parts)
    merchants = sums_by_name({}, (part.merchants for part in known))
    return BankedOfDay(merchants, is_whole=not any(part.unnamed[0] for part in known))
