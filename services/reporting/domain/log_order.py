"""The order of the public log: which of the journaled events may be appended next, effects behind their causes.

Each partition is appended in its own order, and its next event waits until all that it names as its causes stand. So
a few offsets say all that the log has, and a cause stands when its partition is appended beyond it. Nothing waits for
ever: whoever published an effect had consumed its causes, so each cause was appended to Kafka before; of all events
that are not in the log, the one that Kafka had first waits for nothing.

Donations are added up (`is_summed`): they are appended together, all that came since the last time, at most once a
second, and at the latest when an effect of theirs waits. A fund's credits are such effects, but hurry nobody: they tell
of nothing but gifts. Nor does the seal of a page: it stands as soon as all of its page does, and waits for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pandapack.contracts import causation
from pandapack.contracts.donations import PageSealed, seals_source, shard_source
from pandapack.contracts.envelope import Envelope, sequence_of
from pandapack.contracts.procurement import FundCredited

LOGGED_STREAMS = (
    *("/procurement/", "/logistics/", "/donations/settlements/"),
    *(shard_source(0)[:-1], seals_source(0)[:-1]),
)
"""Streams of events that the journals have. Others cause events, too: records of a push, a programme's document."""
SUMMED_PARTITIONS = "donations/"
HELD_MS_MAX = 60_000
"""Gifts are appended after a minute at the latest: so many have come by then, mostly, that none stands out.
A setting may say less where the gifts are nobody's."""
BUSY_EVENTS = 8
"""So many events of shards and settlements need not wait for the minute to end: they tell of many gifts."""
WAITING_A_PARTITION_MAX = 256
"""Events of a partition that are looked at together; those behind them are looked at when these are appended."""
EVENTS_AN_ORDER_MAX = 512
"""Events of procurement and logistics that are appended together, some hundred KiB."""

Positions = Mapping[str, int]
"""Partition (`procurement/2`) → the offset up to which the log has it: the first that it has not."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where Kafka has an event: its first publication, as the journal knows it."""

    partition: str
    offset: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A journaled event that the log does not have yet. `causes`: the identities of those that must stand before it."""

    place: Place
    key: str
    appended_at_ms: int
    causes: tuple[str, ...] = ()
    hurries: bool = True
    """Whether gifts that caused it are appended at once, for its sake."""
    is_set_aside: bool = False
    """Whether it is told by itself, that it was set aside, whatever it would have told."""
    is_seal: bool = False
    """Whether it tells of a sealed page, and so of no gift that the log does not have."""


@dataclass(frozen=True, slots=True)
class Step:
    """Events of one partition, in its order, that are appended together: one, or (`is_summed`) a run of donations."""

    events: tuple[Waiting, ...]
    is_summed: bool = False

    @property
    def partition(self) -> str:
        return self.events[0].place.partition


@dataclass(frozen=True, slots=True)
class Blocked:
    """A partition's next event, and the causes that do not stand. `unseen`: of these, those in no journal yet."""

    event: Waiting
    lacking: tuple[str, ...]
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What is appended next, in this order, and what waits for what."""

    steps: tuple[Step, ...]
    blocked: tuple[Blocked, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """When donations may be appended. `now_ms`: wall time; `rested`: the last time is a second ago.

    `held_ms_max`: so long they are held in a quiet time.
    """

    now_ms: int
    rested: bool
    held_ms_max: int = HELD_MS_MAX


def cause_keys(envelope: Envelope) -> tuple[str, ...]:
    """The identities of an event's causes that the log ever appends: of a range the last, which stands behind it all.

    What cannot be read names nothing: it says no more than an event without causes does.
    """
    try:
        causes = causation.read(envelope.causes or "")
    except ValueError:
        return ()
    logged = [cause for cause in causes if cause.stream.startswith(LOGGED_STREAMS)]
    return tuple(f"{cause.stream}#{sequence_of(cause.last)}" for cause in logged)


def is_seal(envelope: Envelope) -> bool:
    """Whether an event tells of a sealed page."""
    return envelope.type == PageSealed.TYPE


def hurries(envelope: Envelope) -> bool:
    """Whether gifts are appended at once for this event's sake."""
    return envelope.type != FundCredited.TYPE


def next_steps(
    positions: Positions, waiting: Mapping[str, Sequence[Waiting]], places: Mapping[str, Place], pace: Pace
) -> Order:
    """What may be appended, in order.

    `waiting`: partition → its events from its position on, in its order. `places`: where the causes of all of them lie,
    as far as any journal knows. The same of all of these gives the same order.
    """
    order = _Ordering(positions, waiting, places)
    order.take_seals()
    if _are_donations_due(waiting, pace):
        order.sum_donations()
    order.take_singles()
    if pace.rested and order.donations_hurry():
        order.sum_donations()
        order.take_singles()
    return Order(tuple(order.steps), tuple(order.blocked()))


def _are_donations_due(waiting: Mapping[str, Sequence[Waiting]], pace: Pace) -> bool:
    """They are many, or one has waited for long. Where more is waiting than is looked at, nothing is held back."""
    parts = [events for partition, events in waiting.items() if partition.startswith(SUMMED_PARTITIONS) and events]
    if any(len(events) >= WAITING_A_PARTITION_MAX for events in parts):
        return True
    donations = [[one for one in events if not one.is_seal] for events in parts]
    is_old = any(pace.now_ms - own[0].appended_at_ms >= pace.held_ms_max for own in donations if own)
    return pace.rested and (is_old or sum(map(len, donations)) >= BUSY_EVENTS)


class _Ordering:
    """One order under way."""

    def __init__(
        self, positions: Positions, waiting: Mapping[str, Sequence[Waiting]], places: Mapping[str, Place]
    ) -> None:
        self._reached = dict(positions)
        self._places = places
        self._singles = {p: list(events) for p, events in sorted(waiting.items()) if not _is_summed(p) and events}
        self._summed = {p: list(events) for p, events in sorted(waiting.items()) if _is_summed(p) and events}
        self._taken = 0
        self.steps: list[Step] = []

    def take_singles(self) -> None:
        """Again and again the ready event that Kafka had first."""
        while self._taken < EVENTS_AN_ORDER_MAX:
            ready = [events[0] for events in self._singles.values() if events and not self._lacking(events[0])]
            if not ready:
                return
            first = min(ready, key=lambda one: (one.appended_at_ms, one.place.partition))
            self._singles[first.place.partition].pop(0)
            self._take(Step((first,)))

    def take_seals(self) -> None:
        """Seals that wait for nothing, and before which no gift waits."""
        for events in self._summed.values():
            self._take_run(events, lambda one: one.is_seal)

    def sum_donations(self) -> None:
        """All that waits of them and lacks nothing, a step a partition; more where a seal's page lies in another."""
        is_more = True
        while is_more:
            is_more = sum(self._take_run(events, lambda one: True) for events in self._summed.values()) > 0

    def _take_run(self, events: list[Waiting], fits: Callable[[Waiting], bool]) -> bool:
        """A step of those at the beginning that fit and lack nothing; whether there are any.

        They are added up; what was set aside is told by itself.
        """
        run: list[Waiting] = []
        while events and fits(events[0]) and not self._lacking(events[0]):
            if run and events[0].is_set_aside:
                break
            run.append(events.pop(0))
            self._reached[run[-1].place.partition] = run[-1].place.offset + 1
            if run[-1].is_set_aside:
                break
        if run:
            self._take(Step(tuple(run), is_summed=not run[0].is_set_aside))
        return bool(run)

    def donations_hurry(self) -> bool:
        """Whether anything but credits of a fund waits behind donations that could be appended."""
        for events in self._singles.values():
            lacking = self._lacking(events[0]) if events else ()
            known = [self._places[key] for key in lacking if key in self._places]
            behind_donations = any(_is_summed(place.partition) for place in known)
            if behind_donations and any(one.hurries for one in events):
                return True
        return False

    def blocked(self) -> Iterator[Blocked]:
        """The next event of each partition that lacks something."""
        for events in (*self._singles.values(), *self._summed.values()):
            lacking = self._lacking(events[0]) if events else ()
            if lacking:
                yield Blocked(events[0], lacking, tuple(key for key in lacking if key not in self._places))

    def _take(self, step: Step) -> None:
        self.steps.append(step)
        self._taken += len(step.events) if not step.is_summed else 0
        self._reached[step.partition] = step.events[-1].place.offset + 1

    def _lacking(self, one: Waiting) -> tuple[str, ...]:
        """The causes that do not stand: not appended, or not even journaled."""
        return tuple(key for key in one.causes if not self._stands(key))

    def _stands(self, key: str) -> bool:
        place = self._places.get(key)
        return place is not None and place.offset < self._reached.get(place.partition, 0)


def _is_summed(partition: str) -> bool:
    return partition.startswith(SUMMED_PARTITIONS)


def joined(steps: Iterable[Step], belongs: Mapping[str, str]) -> list[Step]:
    """Steps with those joined that follow each other and belong together. `belongs`: key → what it shares with them."""
    found: list[Step] = []
    for step in steps:
        last = found[-1] if found else None
        group = belongs.get(step.events[0].key)
        if last is not None and group is not None and not step.is_summed and belongs.get(last.events[-1].key) == group:
            found[-1] = replace(last, events=(*last.events, *step.events))
        else:
            found.append(step)
    return found


def positions_after(positions: Positions, steps: Iterable[Step]) -> dict[str, int]:
    """Where the log stands with these steps."""
    return dict(positions) | {step.partition: step.events[-1].place.offset + 1 for step in steps}
