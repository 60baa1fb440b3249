"""What is private in an event is in no figure either: in no file, and in nothing that pages and the stream show."""

from __future__ import annotations

import json

from pandapack.contracts.envelope import Event, encode, envelop
from pandapack.contracts.public_log.entries import Journaled, entries_of
from pandapack.contracts.public_log.sums import summed_entries
from services.reporting.domain.data_tables import TABLES, Format
from services.reporting.work.data_files import EVERYTHING, written
from tests.unit.contracts.public_log_samples import AT, TYPES, VEIL, source_of
from tests.unit.contracts.test_public_fold import Account
from tests.unit.contracts.test_public_log import Canaries, whole

CAUSES_FIRST = ("donations.", "procurement.RoundFunded", "procurement.", "logistics.", "reporting.")


def rank(type: str) -> tuple[int, str]:
    return next(n for n, start in enumerate(CAUSES_FIRST) if type.startswith(start)), type


def planted() -> tuple[list[bytes], list[Canaries]]:
    """A log of one event of every type, with a canary in every private field, and what was planted."""
    entries, every = [], []
    for type in sorted(TYPES, key=rank):
        canaries = Canaries(type)
        every.append(canaries)
        event: Event = TYPES[type].model_validate(canaries.into(whole(type)))
        envelope = envelop(event, source=source_of(event), number=7, at=AT)
        of = summed_entries if type.startswith("donations.") else entries_of
        entries += of([Journaled(envelope, encode(envelope))], AT, VEIL)
    return entries, every


def test_no_canary_is_in_a_file_or_in_a_figure() -> None:
    entries, every = planted()
    tables = Account(entries).tables
    shown = [json.dumps(tables, ensure_ascii=False).encode()]
    for name, table in TABLES.items():
        assert tables[name], f"{name} has rows, so that something could be found"
        shown += [written(table, tables[name], format, EVERYTHING).content for format in (Format.CSV, Format.JSON)]
    assert sum(len(canaries.planted) for canaries in every) > 60
    assert [one for canaries in every for one in canaries.found_in(shown)] == []
