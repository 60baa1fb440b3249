"""How far behind a group is on each partition, since when, and whether it moves: pure. What Kafka says is put in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

STALLED_S_MAX = 8.0
"""Input that waits while the position stands for so long is stalled: a batch takes a second or two, a killed process is
missed after six, and a person is to see it within ten."""
LOOKS_APART_S_MAX = 4.0
"""After a longer pause nobody looked (this process itself was held, or Kafka): what stood then may have moved since."""
ENDS_KEPT_MAX = 3_600
"""Ends of a partition remembered, one a look at which it had grown: an hour of them. What waits for longer is read."""

Ends = Mapping[tuple[str, int], int]
"""(topic, partition) → the offset behind its last record."""


@dataclass(frozen=True, slots=True, order=True)
class Consumed:
    """A partition as one group consumes it."""

    group: str
    topic: str
    partition: int

    @property
    def of_topic(self) -> tuple[str, int]:
        """The partition, whoever consumes it."""
        return self.topic, self.partition


@dataclass(frozen=True, slots=True)
class Lag:
    """Where a group is on a partition, as it was looked at (wall time) `at`. None: not known.

    waiting_since: when the first record that is not done was appended. stands_since: since when the position has been
    standing while input waits. Both None where nothing waits.
    """

    consumed: Consumed
    at: datetime
    end_offset: int | None = None
    position: int | None = None
    waiting_since: datetime | None = None
    stands_since: datetime | None = None

    @property
    def records(self) -> int | None:
        """Records not done yet."""
        if self.end_offset is None or self.position is None:
            return None
        return max(0, self.end_offset - self.position)

    @property
    def waiting_s(self) -> float | None:
        """The age of the first record that is not done; 0 where none waits, None where it is not known."""
        if self.records == 0:
            return 0.0
        return None if self.waiting_since is None else max(0.0, (self.at - self.waiting_since).total_seconds())

    @property
    def stands_s(self) -> float:
        """For how long input has been waiting before a position that does not move."""
        return 0.0 if self.stands_since is None else (self.at - self.stands_since).total_seconds()

    @property
    def is_stalled(self) -> bool:
        """Input waits, and nothing was done for `STALLED_S_MAX`."""
        return self.stands_s >= STALLED_S_MAX

    def as_json(self) -> dict[str, Any]:
        """As `/readyz` tells it."""
        seconds = self.waiting_s
        return {
            "group": self.consumed.group,
            "topic": self.consumed.topic,
            "partition": self.consumed.partition,
            "end_offset": self.end_offset,
            "position": self.position,
            "records": self.records,
            "waiting_s": None if seconds is None else round(seconds, 3),
        }

    def stall_as_json(self) -> dict[str, Any]:
        """As `/readyz` tells of a partition that is stalled."""
        assert self.stands_since is not None, "asked of what is stalled"
        return {**self.as_json(), "since": self.stands_since.isoformat(timespec="seconds")}


@dataclass(slots=True)
class _Standing:
    """A position, and since when it has been seen there with input waiting. `record_at`: of the record that waits."""

    position: int = -1
    since: datetime | None = None
    looks: int = 0
    record_at: datetime | None = None


@dataclass(slots=True)
class _Seen:
    """A partition ended at `end` from one look to another."""

    end: int
    until: datetime


@dataclass(slots=True)
class Lags:
    """What is remembered from look to look.

    When a record that waits was appended is known from the looks themselves: behind the last look at which the
    partition ended before it. It is read where that does not tell, because it was there before anybody looked, and
    where it stands, because a person will want to know it exactly.
    """

    _standing: dict[Consumed, _Standing] = field(default_factory=dict)
    _seen: dict[tuple[str, int], deque[_Seen]] = field(default_factory=dict)
    _lags: dict[Consumed, Lag] = field(default_factory=dict)
    _at: datetime | None = None

    def look(self, at: datetime, positions: Mapping[Consumed, int | None], ends: Ends) -> list[Consumed]:
        """What was found at wall time `at`; returns the partitions whose first waiting record is to be read."""
        is_late = self._at is None or at - self._at > timedelta(seconds=LOOKS_APART_S_MAX)
        self._at, self._lags = at, {}
        for of_topic, ended in ends.items():
            _remember(self._seen.setdefault(of_topic, deque(maxlen=ENDS_KEPT_MAX)), ended, at)
        to_read = []
        for consumed, position in positions.items():
            end = ends.get(consumed.of_topic)
            lag = Lag(consumed, at, end, position)
            standing = self._standing.setdefault(consumed, _Standing())
            if not lag.records or position is None:
                standing.since, standing.record_at = None, None
                self._lags[consumed] = lag
                continue
            if standing.position != position:
                standing.record_at = None
            if standing.position != position or standing.since is None or is_late:
                standing.position, standing.since, standing.looks = position, at, 0
            standing.looks += 1
            seen_at = standing.record_at or self._appended_after(consumed.of_topic, position)
            self._lags[consumed] = Lag(consumed, at, end, position, seen_at, standing.since)
            if standing.record_at is None and (seen_at is None or standing.looks > 1):
                to_read.append(consumed)
        return to_read

    def learn(self, consumed: Consumed, appended_at: datetime) -> None:
        """The first record that waits there was appended then."""
        lag = self._lags[consumed]
        self._standing[consumed].record_at = appended_at
        self._lags[consumed] = Lag(consumed, lag.at, lag.end_offset, lag.position, appended_at, lag.stands_since)

    def now(self) -> list[Lag]:
        """As of the last look, sorted."""
        return [self._lags[consumed] for consumed in sorted(self._lags)]

    def _appended_after(self, of_topic: tuple[str, int], position: int) -> datetime | None:
        """A moment before the record at `position` was appended, at most a look before."""
        return max((one.until for one in self._seen.get(of_topic, ()) if one.end <= position), default=None)


def _remember(seen: deque[_Seen], end: int, at: datetime) -> None:
    if seen and seen[-1].end == end:
        seen[-1].until = at
        return
    if seen and seen[-1].end > end:  # another log: the topic was made anew
        seen.clear()
    seen.append(_Seen(end, at))


def can_work(lags: Iterable[Lag], stopped: Iterable[tuple[str, int]]) -> bool:
    """Whether something goes on, or would where something came: not every partition with input is stalled.

    One that is stopped has a reason of its own and is tried again, and is not counted. `stopped`: (topic, partition).
    """
    known = set(stopped)
    with_input = [lag for lag in lags if lag.records and lag.consumed.of_topic not in known]
    return not with_input or not all(lag.is_stalled for lag in with_input)


def complete_to(lags: Sequence[Lag], at: datetime) -> datetime | None:
    """All that was appended before this moment is done on all these partitions; None where one of them is unknown."""
    ends = []
    for lag in lags:
        if lag.records is None or (lag.records and lag.waiting_since is None):
            return None
        ends.append(lag.waiting_since if lag.records and lag.waiting_since else at)
    return min([at, *ends]) if lags else None
