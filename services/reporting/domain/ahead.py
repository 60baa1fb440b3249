"""What runs ahead of a snapshot: gifts that the shards have recorded, and that the public log does not have yet.

A gift is in the shards' documents a fraction of a second after its push. The log appends gifts together, in a quiet
minute only at its end. So the current totals are the snapshot's and what is ahead of it, and say how much that is.
These documents and the log are made of two readings of the same topic, so the log may also know of a gift first; then
nothing is ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pandapack.contracts.public_log.fold import figures
from pandapack.contracts.public_log.fold.books import Books, ProgrammeBooks
from services.reporting.domain.donations import ShardDonations

Json = dict[str, Any]
FOUND = ("duplicates", "conflicts", "refused")


@dataclass(frozen=True, slots=True)
class Ahead:
    """Gifts, fen received and fen reversed beyond a snapshot; never less than nothing."""

    donations: int = 0
    received_fen: int = 0
    reversed_fen: int = 0

    def __add__(self, other: Ahead) -> Ahead:
        return Ahead(
            self.donations + other.donations,
            self.received_fen + other.received_fen,
            self.reversed_fen + other.reversed_fen,
        )

    def as_json(self) -> Json:
        return {
            "donations": self.donations,
            "received_fen": self.received_fen,
            "reversed_fen": self.reversed_fen,
        }


@dataclass(frozen=True, slots=True)
class Lead:
    """All that runs ahead. `programmes`: those with anything; `found`: duplicates, conflicts and refused rows."""

    programmes: Mapping[str, Ahead] = field(default_factory=dict)
    found: tuple[int, int, int] = (0, 0, 0)

    @property
    def whole(self) -> Ahead:
        """Over all programmes."""
        return sum(self.programmes.values(), Ahead())

    def of(self, programme: str | None) -> Ahead:
        """Of one programme, or (None) of all."""
        return self.whole if programme is None else self.programmes.get(programme, Ahead())


def lead_of(books: Books, shards: Iterable[ShardDonations]) -> Lead:
    """What these shards, read after the books, have beyond them."""
    recorded, found = dict[str, Ahead](), [0, 0, 0]
    for shard in shards:
        for n, name in enumerate(FOUND):
            found[n] += int(getattr(shard, name))
        for name, own in shard.programmes.items():
            known = Ahead(own.count, own.fen_to, own.reversed_fen)
            recorded[name] = recorded.get(name, Ahead()) + known
    beyond = {name: _beyond(books.programmes.get(name, ProgrammeBooks()), one) for name, one in recorded.items()}
    duplicates, conflicts, refused = (max(0, found[n] - int(getattr(books, name))) for n, name in enumerate(FOUND))
    return Lead({name: one for name, one in beyond.items() if one != Ahead()}, (duplicates, conflicts, refused))


def _beyond(books: ProgrammeBooks, recorded: Ahead) -> Ahead:
    return Ahead(
        max(0, recorded.donations - books.donations),
        max(0, recorded.received_fen - books.received),
        max(0, recorded.reversed_fen - books.reversed),
    )


def totals(books: Books, lead: Lead | None, programme: str | None = None) -> Json:
    """`/v1/totals` of all programmes, or of one, with what runs ahead; None: without."""
    found = figures.totals(books, programme)
    if lead is None:
        return found
    ahead = lead.of(programme)
    found["donations"] += ahead.donations
    found["received_fen"] += ahead.received_fen
    found["reversed_fen"] += ahead.reversed_fen
    found["in_flight_fen"] += ahead.received_fen - ahead.reversed_fen
    if programme is None:
        for name, more in zip(FOUND, lead.found, strict=True):
            found[name] += more
    return found


def programme_rows(books: Books, lead: Lead | None) -> list[Json]:
    """`/v1/totals/programme`, with what runs ahead; a programme of which nothing else is known has a row, too."""
    names = {*books.programmes, *(lead.programmes if lead else ())}
    return [{"programme": name, **totals(books, lead, name)} for name in sorted(names)]
