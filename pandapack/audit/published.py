"""Seals as they were published: what the public log was told of each page, so that nobody seals one again unseen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pandapack.audit.facts import Json
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.reading import Databases, Patience, events_in, key_of, last_number, outbox_events, within
from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import seals_source


@dataclass
class PublishedSeals:
    """Shard → page → what was told of it."""

    shards: Mapping[int, Mapping[int, Json]] = field(default_factory=dict)

    @classmethod
    def read(cls, databases: Databases, findings: Findings, patience: Patience) -> PublishedSeals:
        """All that the archive has, once it has what was published by now. What lacks there is a finding."""
        archive, shards = databases.reporting.archive, dict[int, dict[int, Json]]()
        for row in databases.donations.published_seals.find({}):
            shard, source = int(row["_id"]), seals_source(int(row["_id"]))
            waiting = {event.number for event in outbox_events(row)}
            wanted = max((number for number in range(row["sequence"], 0, -1) if number not in waiting), default=0)
            patience.until(lambda source=source: last_number(archive, source), wanted)  # type: ignore[misc]
            events = {event.number: event for event in events_in(archive, within(source), findings)}
            for number in range(1, wanted + 1):
                if number not in events:
                    findings.add(Layer.KEPT, f"archive {key_of(source, number)}: it is missing", explains=(source,))
            now = databases.donations.published_seals.find_one({"_id": row["_id"]}, {"sequence": 1}) or row
            if max(events, default=0) > now["sequence"]:
                text = f"archive {key_of(source, max(events))}: {now['sequence']} seals of shard {shard} were published"
                findings.add(Layer.KEPT, text, explains=(source,))
            shards[shard] = {number - 1: event.data for number, event in events.items() if number <= now["sequence"]}
        return cls(shards)

    @property
    def count(self) -> int:
        """How many seals there are."""
        return sum(map(len, self.shards.values()))

    def of(self, shard: int) -> Mapping[int, Json]:
        """Page → what was told of it."""
        return self.shards.get(shard, {})


def unlike(told: Json, number: int, root: bytes, columns: Columns) -> str | None:
    """How a page differs from what was published of it; None where it does not. `root`: over its rows now."""
    if told["page"] != number:
        return f"what was published as its seal is that of page {told['page']}"
    if told["root"] != root.hex():
        return f"it is not the one that was published: Merkle root {root.hex()}, published {told['root']}"
    names, indices = columns.programmes.strings, columns.programmes.indices
    held = {
        names[index]: (int((indices == index).sum()), int(columns.amounts_fen[indices == index].sum()))
        for index in np.unique(indices).tolist()
    }
    stated = {one["programme"]: (one["count"], one["fen"]) for one in told["programmes"]}
    whole = (len(columns), int(columns.amounts_fen.sum()))
    if stated != held or (told["rows"], told["fen"]) != whole:
        return f"its sums are not those that were published: {whole} (rows, fen), published {told['rows'], told['fen']}"
    return None
