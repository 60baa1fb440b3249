"""Counting pupils again from what schools reported, by the law of pupils reached; what logistics decided is not read.

A parcel reaches one pupil; over a round a school reaches at most as many as it accepted parcels, and as are enrolled.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pandapack.cli.recount import Books, Recount
from pandapack.contracts import logistics, procurement
from pandapack.contracts.envelope import Event

SchoolOfRound = tuple[str, str]


@dataclass
class Reports:
    """What a school reported for a round. `with_parcel`: heads, of each handout at most as many as its parcels.

    `enrolled` is what handouts tell of it: one number, or none where all are of an older release.
    """

    country: str
    heads: int = 0
    with_parcel: int = 0
    accepted: int = 0
    enrolled: set[int] = field(default_factory=set)

    @property
    def reached(self) -> int:
        """Pupils that count."""
        return min(self.with_parcel, self.accepted, *self.enrolled)


@dataclass
class PupilsRecount:
    """Fed with every event of the journal once, in any order; then `book` adds the sums to a recount."""

    _schools: dict[SchoolOfRound, Reports] = field(default_factory=dict)
    _funded: dict[SchoolOfRound, int] = field(default_factory=dict)
    """Enrolment as procurement published it."""

    def note(self, event: Event) -> None:
        """Other events tell nothing of pupils."""
        match event:
            case procurement.RoundFunded():
                self._funded |= {(event.round, share.school): share.pupils for share in event.schools}
            case logistics.ParcelsDelivered():
                self._reports(event).accepted += len(event.accepted)
            case logistics.ParcelsHandedOut():
                reports, heads = self._reports(event), event.girls + event.boys
                reports.heads += heads
                reports.with_parcel += min(heads, event.parcels)
                if event.enrolled is not None:
                    reports.enrolled.add(event.enrolled)
            case _:
                pass

    def book(self, count: Recount) -> None:
        """Adds pupils to the whole, to countries and to rounds; an enrolment that procurement did not publish shows."""
        for (round_id, school), reports in self._schools.items():
            country = count.countries.setdefault(reports.country, Books())
            for books in (count.books, country, count.rounds.setdefault(round_id, Books())):
                books.pupils += reports.reached
                books.pupils_over_reported += reports.heads - reports.reached
            # The funding of a round may lie in a partition that the journal has not got so far.
            funded = self._funded.get((round_id, school))
            for enrolled in sorted(reports.enrolled) if funded is not None else ():
                count.same(f"round {round_id}: pupils enrolled at {school}", funded, enrolled)

    def _reports(self, event: logistics.ParcelsDelivered | logistics.ParcelsHandedOut) -> Reports:
        return self._schools.setdefault((event.round, event.school), Reports(event.country))
