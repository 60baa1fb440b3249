"""What an operator may do about a partition that stands still: look at it, try again, have a record passed over.

A genuine event is passed over only where it is said which conservation law that breaks, and that this is accepted. What
came by `donations.pushed` breaks nothing: it becomes a dead letter, and can be replayed.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pandapack.contracts.breakage import Law, breaks
from pandapack.contracts.envelope import Envelope
from pandapack.decision import Refusal, RefusalKind, Refused
from pandapack.runtime.documents import Json
from pandapack.runtime.log_reader import LogReader
from pandapack.runtime.partitions import StopNotes
from pandapack.runtime.reactions import Record
from pandapack.runtime.set_aside import Passing, SetAside, headers_shown
from pandapack.runtime.trust import Distrust

VALUE_BYTES_SHOWN_MAX = 16 * 1024
TEXT_CHARACTERS_MAX = 4_000

Judged = Envelope | Distrust | None
"""What a record is: a genuine event, one that is not believed, or a record of a topic whose records are not signed."""


class Note(Protocol):
    """Publishes what is about to be done; see `acts.Noting`."""

    async def __call__(self, subject: str, reason: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Consumer:
    """A consumer group of this service, and the topics that it consumes; as they are named without the namespace."""

    group: str
    topics: Sequence[str]


class PartitionRepairs:
    """Of one service. `real`: a topic's name in Kafka; `shown`: without the namespace; `judge`: what a record is.

    `partitions`: how many each topic has, by its real name.
    """

    def __init__(
        self,
        stops: StopNotes,
        set_aside: SetAside,
        log: LogReader,
        *,
        real: Callable[[str], str],
        shown: Callable[[str], str],
        judge: Callable[[Record], Judged],
        partitions: Callable[[], Mapping[str, int]],
    ) -> None:
        self._stops, self._set_aside, self._log = stops, set_aside, log
        self._real, self._shown, self._judge, self._partitions = real, shown, judge, partitions
        self.consumers: list[Consumer] = []
        self.text_of: Callable[[bytes], bytes] = bytes
        """A record for eyes, where its bytes are none."""

    async def standing(self) -> list[Json]:
        """All partitions of this service that stand still, whichever process owns them. Raises Unavailable."""
        return [self._stop(row) for row in await self._stops.standing()]

    async def show(self, topic: str, partition: int, offset: int | None) -> Json:
        """A partition: its ends, who consumes it, what stands still and why, the record there, what was set aside.

        `offset`: of the record to show; None: the one that the partition stands before. Raises Refused, Unavailable.
        """
        groups = [one.group for one in self.consumers if topic in one.topics]
        if not groups or partition >= self._partitions()[self._real(topic)]:
            detail = f"{topic}/{partition} is not consumed here: {', '.join(self._topics())} are"
            raise Refused(Refusal("partition_unknown", detail, RefusalKind.NOT_FOUND))
        noted = await self._stops.of_partition(self._real(topic), partition)
        stops = [row for row in noted if row["resumed"] is None]
        at = offset if offset is not None else min((row["offset"] for row in stops), default=None)
        ends, record = await self._log.look(self._real(topic), partition, at)
        aside = await self._set_aside.of_partition(self._real(topic), partition)
        return {
            "topic": topic,
            "partition": partition,
            "begins": ends.begins,
            "ends": ends.ends,
            "consumers": groups,
            "stops": [self._stop(row) for row in stops],
            "record": None if record is None else self._record(record),
            "set_aside": [self._aside(row) for row in aside],
        }

    async def retry(self, topic: str, partition: int, note: Note) -> Json:
        """Whoever owns the partition tries again within a second. Raises Refused where nothing stands still."""
        stops = await self._standing_of(topic, partition)
        await note(f"partitions/{topic}/{partition}")
        for row in stops:
            await self._stops.ask_retry(row["_id"])
        return {"topic": topic, "partition": partition, "groups": [self._shown(row["group"]) for row in stops]}

    async def pass_over(self, topic: str, partition: int, offset: int, passing: Passing, note: Note | None) -> Json:
        """The record is passed over at the next try, which comes within a second; or (no `note`) what that would break.

        Raises Refused where the partition does not stand before just this record, it is gone, or it breaks what is not
        accepted; Unavailable, AnswerLost.
        """
        stops = [row for row in await self._standing_of(topic, partition) if row["offset"] == offset]
        if not any(row["is_exact"] for row in stops):
            detail = (
                f"{topic}/{partition} does not stand before offset {offset}, or it is not certain yet that this very "
                "record fails: look again after the next try"
            )
            raise Refused(Refusal("record_is_another", detail, RefusalKind.CONFLICT))
        _, record = await self._log.look(self._real(topic), partition, offset)
        if record is None:
            detail = f"Kafka has no record at {topic}/{partition} offset {offset} (any more)"
            raise Refused(Refusal("record_gone", detail, RefusalKind.NOT_FOUND))
        broken, because = _breaks(self._judge(record))
        answer = {
            "topic": topic,
            "partition": partition,
            "offset": offset,
            "dry_run": note is None,
            "breaks": broken,
            "because": because,
            "by": passing.by,
            "reason": passing.reason,
        }
        if note is None:
            return answer
        if broken is not None and passing.breaks != broken:
            detail = f"{because}; mend the cause and retry, or accept it with `breaks`: `{broken}`"
            raise Refused(Refusal("record_breaks", detail, RefusalKind.CONFLICT, extra={"breaks": broken}))
        await note(f"partitions/{topic}/{partition}/records/{offset}", passing.reason)
        await self._set_aside.pass_over(record, passing)
        for row in stops:
            await self._stops.ask_retry(row["_id"])
        return answer

    async def _standing_of(self, topic: str, partition: int) -> list[Json]:
        noted = await self._stops.of_partition(self._real(topic), partition)
        stops = [row for row in noted if row["resumed"] is None]
        if not stops:
            detail = f"{topic}/{partition} does not stand still in this service"
            raise Refused(Refusal("partition_not_stopped", detail, RefusalKind.CONFLICT))
        return stops

    def _topics(self) -> list[str]:
        topics = {topic for one in self.consumers for topic in one.topics}
        return [f"{topic}/0 to {self._partitions()[self._real(topic)] - 1}" for topic in sorted(topics)]

    def _stop(self, row: Json) -> Json:
        return {
            "group": self._shown(row["group"]),
            "topic": self._shown(row["topic"]),
            "partition": row["partition"],
            "offset": row["offset"],
            "is_exact": row["is_exact"],
            "since": row["since"].isoformat(),
            "attempts": row["attempts"],
            "next_try": row["next_try"] and row["next_try"].isoformat(),
            "reason": row["reason"],
        }

    def _record(self, record: Record) -> Json:
        value, judged = record.value or b"", self._judge(record)
        shown: dict[str, Any] = {
            "offset": record.offset,
            "appended_at_ms": record.timestamp,
            "key": None if record.key is None else record.key.decode(errors="backslashreplace"),
            "headers": headers_shown(record),
            "size_bytes": len(value),
            "text": self.text_of(value)[:TEXT_CHARACTERS_MAX].decode(errors="backslashreplace"),
            "raw": base64.b64encode(value[:VALUE_BYTES_SHOWN_MAX]).decode(),
            "event": None,
            "distrust": None,
        }
        match judged:
            case Envelope():
                shown["event"] = {"source": judged.source, "sequence": judged.number, "type": judged.type}
            case Distrust():
                shown["distrust"] = str(judged)
            case None:
                pass
        return shown

    @staticmethod
    def _aside(row: Json) -> Json:
        names = ("offset", "cause", "size_bytes", "sha256", "by", "reason", "breaks")
        return {**{name: row[name] for name in names}, "at": row["at"].isoformat()}


def _breaks(judged: Judged) -> tuple[Law | None, str]:
    match judged:
        case Envelope():
            law = breaks(judged.type)
            if law is None:
                return None, f"no figure lacks {judged.type}; whoever looks for who did it finds that it was set aside"
            what = f"{judged.type} {judged.source}#{judged.number}"
            return law, (
                f"{what} is a genuine event: without it the law of {law} will not hold here, and what follows of its "
                "source may stop in its turn"
            )
        case Distrust():
            return None, f"the record is not believed ({judged}): nothing genuine is lost"
        case None:
            return None, "the record becomes one dead letter, unread: its rows can be replayed"
