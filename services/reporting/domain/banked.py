"""What settlements have banked, by merchant: "received" is what the platform pushed, "banked" what it has paid of that.

A settlement publishes what is newly banked of a day of donations, so adding up the events is all there is to do. It is
kept a day at a time, in a tree of documents for each partition that tells of it (`merchants`). An event that does not
tell of merchants is `unnamed`: of its day no merchant's figure is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pandapack.contracts.donations import DonationsBanked
from pandapack.contracts.envelope import Part
from pandapack.decision import Decision
from services.reporting.domain.figures import CountAndFen, sums_by_name
from services.reporting.domain.merchants import MERCHANTS_A_DOCUMENT_MAX, Merchants, PackedMerchants


class BankedMerchants(Part):
    """What is banked of a day's donations, as one partition tells it: some of the merchants → (count, fen), over all
    programmes. What is `unnamed` stands in the first document of its tree."""

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


def bank_merchants(
    state: BankedMerchants, day: str, more: Merchants, unnamed: CountAndFen = (0, 0)
) -> Decision[BankedMerchants]:
    """More of some merchants' donations are in the bank. The document has room for them."""
    assert state.day in ("", day), f"{day} is not {state.day}"
    merchants = sums_by_name(state.merchants, [more])
    assert len(merchants) <= MERCHANTS_A_DOCUMENT_MAX, f"{len(merchants)} merchants in a document of {day}"
    sums = (state.unnamed[0] + unnamed[0], state.unnamed[1] + unnamed[1])
    return Decision(BankedMerchants(day=day, merchants=merchants, unnamed=sums))


def unnamed_in(event: DonationsBanked) -> CountAndFen:
    """What the event tells of no merchant."""
    return (0, 0) if event.merchants else (event.count, event.fen)


def banked_of(part: BankedMerchants, merchants: Iterable[str]) -> BankedMerchants:
    """What a document has of some merchants."""
    return part.model_copy(
        update={"merchants": {one: part.merchants[one] for one in merchants if one in part.merchants}}
    )


def banked_of_day(parts: Iterable[BankedMerchants]) -> BankedOfDay:
    """A day's documents added up, or those parts of them that are asked for."""
    known = list(parts)
    merchants = sums_by_name({}, (part.merchants for part in known))
    return BankedOfDay(merchants, is_whole=not any(part.unnamed[0] for part in known))
