"""Donations that are counted twice on a shard: digests of their identities first, themselves in doubt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from pandapack.audit.findings import Findings, Layer
from pandapack.audit.repeats import Digests
from pandapack.audit.shard import page_name
from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import day_name, day_number
from pandapack.contracts.pages import unpack


def identities_of(columns: Columns) -> Digests:
    """A 64-bit digest of each row's identity: merchant, id, day in Asia/Shanghai."""
    merchants = columns.merchants.dense()
    of_merchants = np.array([_digest(name) for name in merchants.strings], np.uint64)
    of_ids = columns.ids.numbers.astype(np.uint64)
    for row, text in columns.ids.texts.items():
        of_ids[row] = _digest(text)
    digests = _mixed(of_ids) ^ of_merchants[merchants.indices]
    return _mixed(digests + _mixed(columns.days.astype(np.uint64)))


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _mixed(numbers: Digests) -> Digests:
    """SplitMix64's finish: one bit more or less in a number changes half of the bits."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def name_repeats(pages: Iterable[Mapping[str, Any]], suspects: Digests, findings: Findings) -> None:
    """Reads a shard's pages once more and looks at the suspects themselves."""
    seen: set[tuple[str, str, int]] = set()
    for row in pages:
        try:
            columns = unpack(bytes(row["columns"]))
        except ValueError:
            continue  # it is named already
        for index in np.flatnonzero(np.isin(identities_of(columns), suspects)).tolist():
            donation = columns.row(index)
            number = day_number(donation.at_us)
            identity = (donation.merchant, donation.id, number)
            if identity in seen:
                name, donated = page_name(row["_id"]), f"{donation.merchant} {donation.id} on {day_name(number)}"
                text = f"{name}: row {index}: {donated} is counted twice"
                findings.add(Layer.KEPT, text, explains=(name,), because=(name,))
            seen.add(identity)
