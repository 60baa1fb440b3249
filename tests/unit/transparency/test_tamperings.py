"""Whoever tampers with the log, or with how it is served, is named: the rows of docs/transparency.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pandapack.contracts.tlog.cosignature import WitnessPolicy
from pandapack.contracts.tlog.note import SignerKey
from pandapack.transparency.copies import LogCopy
from pandapack.transparency.findings import Fault, Finding, Wrong
from pandapack.transparency.monitor import Look, Monitor
from pandapack.transparency.sources import AddressSource
from pandapack.transparency.trust import FRESH_S_MAX, Trust
from tests.served_log import ENTRIES, NOW, ServedLog, served
from tests.unit.contracts.tlog.logs import LOG_KEY, ORIGIN, WITNESSES, seed

SIZE = len(ENTRIES)
HALF = SIZE // 2
TRUST = Trust((LOG_KEY.verifier,))


class Reader:
    """Somebody with a monitor, who remembers what it saw in a folder of their own."""

    def __init__(self, log: ServedLog, folder: Path, trust: Trust = TRUST, now: datetime = NOW) -> None:
        self.source = AddressSource(log.address)
        self.monitor = Monitor(self.source, LogCopy.open(folder), trust, lambda: now)

    def look(self) -> Look:
        return self.monitor.look()

    def finding(self) -> Finding:
        with pytest.raises(Wrong) as wrong:
            self.monitor.look()
        return wrong.value.finding


@pytest.fixture
def log() -> Iterator[ServedLog]:
    made = ServedLog()
    with served(made):
        yield made


def named(log: ServedLog, folder: Path) -> Finding:
    """What a reader finds who sees the log for the first time."""
    return Reader(log, folder).finding()


def altered(entry: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The same entry with something changed, in canonical form."""
    fields = json.loads(entry)
    change(fields)
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def richer(entry: bytes) -> bytes:
    """A round whose reserve has a fen more."""

    def change(fields: dict[str, Any]) -> None:
        fields["reserved_fen"] += 1

    return altered(entry, change)


ROUND = next(n for n, entry in enumerate(ENTRIES) if b'"procurement.RoundFunded"' in entry)


def test_an_honest_log_is_well_and_its_figures_follow(log: ServedLog, tmp_path: Path) -> None:
    reader = Reader(log, tmp_path)
    log.sign(HALF)
    first = reader.look()
    log.sign(at=NOW + timedelta(seconds=1))
    second, third = reader.look(), reader.look()
    assert (first.size, first.fresh_entries, second.fresh_entries, third.fresh_entries) == (HALF, HALF, SIZE - HALF, 0)
    assert second.figures == third.figures and (second.figures or 0) > 50
    assert Reader(log, tmp_path).look().fresh_entries == 0


def test_an_altered_entry_is_named(log: ServedLog, tmp_path: Path) -> None:
    log.bundled[ROUND] = log.lined[ROUND] = richer(ENTRIES[ROUND])
    found = named(log, tmp_path)
    assert found.fault is Fault.ENTRY_ALTERED and f"entry {ROUND} " in found.detail


def test_an_entry_that_is_altered_behind_a_readers_memory_is_named_in_its_turn(log: ServedLog, tmp_path: Path) -> None:
    reader = Reader(log, tmp_path)
    reader.look()
    log.bundled[ROUND] = richer(ENTRIES[ROUND])
    found = reader.finding()
    assert found.fault is Fault.ENTRY_ALTERED and f"entry {ROUND} " in found.detail
    del log.bundled[ROUND]
    assert f"entry {ROUND} " in reader.finding().detail


def test_a_removed_entry_is_named(log: ServedLog, tmp_path: Path) -> None:
    del log.bundled[5]
    found = named(log, tmp_path)
    assert found.fault is Fault.ENTRY_REMOVED and "entry 5 " in found.detail


def test_an_inserted_entry_is_named(log: ServedLog, tmp_path: Path) -> None:
    log.bundled.insert(5, richer(ENTRIES[ROUND]))
    found = named(log, tmp_path)
    assert found.fault is Fault.ENTRY_INSERTED and "entry 5 " in found.detail


def test_swapped_entries_are_named(log: ServedLog, tmp_path: Path) -> None:
    log.bundled[3], log.bundled[7] = log.bundled[7], log.bundled[3]
    found = named(log, tmp_path)
    assert found.fault is Fault.ENTRIES_SWAPPED and "entries 3 and 7 " in found.detail


def test_history_that_is_written_anew_and_signed_is_a_fork(log: ServedLog, tmp_path: Path) -> None:
    reader = Reader(log, tmp_path)
    log.sign(HALF)
    reader.look()
    log.forge([*ENTRIES[: HALF - 1], richer(ENTRIES[ROUND]), *ENTRIES[HALF:]])
    log.sign(at=NOW + timedelta(seconds=1))
    found = reader.finding()
    assert found.fault is Fault.FORK
    [evidence] = (tmp_path / "evidence").iterdir()
    assert evidence.read_bytes() == log.note.raw and str(evidence) in found.detail


def test_two_forks_shown_to_two_readers_are_named_when_one_sees_the_others(log: ServedLog, tmp_path: Path) -> None:
    Reader(log, tmp_path / "first").look()
    other = ServedLog([*ENTRIES[:-1], richer(ENTRIES[ROUND])])
    with served(other):
        assert Reader(other, tmp_path / "first").finding().fault is Fault.FORK
        log.forge([*ENTRIES[:4], *ENTRIES[5:]])
        log.sign()
        assert Reader(log, tmp_path / "first").finding().fault is Fault.FORK  # a smaller one, too


def test_an_old_checkpoint_is_named(log: ServedLog, tmp_path: Path) -> None:
    later = NOW + timedelta(seconds=FRESH_S_MAX + 1)
    assert Reader(log, tmp_path, now=later).finding().fault is Fault.OLD_CHECKPOINT


def test_a_log_that_forgets_its_last_entries_has_shrunk(log: ServedLog, tmp_path: Path) -> None:
    reader = Reader(log, tmp_path, now=NOW + timedelta(minutes=1))
    reader.look()
    log.sign(HALF, at=NOW + timedelta(seconds=30))
    assert reader.finding().fault is Fault.SHRUNK
    log.sign(HALF, at=NOW - timedelta(seconds=5))  # another process of the log may be a moment behind
    assert reader.look().fresh_entries == 0


@pytest.mark.parametrize(
    ("table", "row", "figure"),
    [
        ("", None, "received_fen"),
        ("", "parcels", "packed"),
        ("programme", 0, "spent_fen"),
        ("country", 0, "funded_fen"),
        ("item", 0, "kitted"),
        ("category", 0, "spent_fen"),
        ("year", 0, "received_fen"),
        ("day", 0, "fen"),
        ("round", 1, "orders"),
        ("conservation", None, "banked_fen"),
    ],
)
def test_a_falsified_sum_is_named(
    log: ServedLog, tmp_path: Path, table: str, row: int | str | None, figure: str
) -> None:
    def falsify(shown: str, answer: dict[str, Any]) -> None:
        if shown == table:
            within = answer if row is None else answer[row] if isinstance(row, str) else answer["items"][row]
            within[figure] += 1

    log.shown = falsify
    found = named(log, tmp_path)
    assert found.fault is Fault.FIGURE_DIFFERS and figure in found.detail


def test_a_row_that_is_left_out_or_made_up_is_named(log: ServedLog, tmp_path: Path) -> None:
    log.shown = lambda table, answer: answer["items"].pop() if table == "round" else None
    assert "is not shown" in named(log, tmp_path / "a").detail
    log.shown = lambda table, answer: answer["items"].append({"country": "XX"}) if table == "country" else None
    assert "country XX" in named(log, tmp_path / "b").detail


def test_figures_of_another_size_are_named(log: ServedLog, tmp_path: Path) -> None:
    def other(_: str, answer: dict[str, Any]) -> None:
        answer["snapshot"]["size"] -= 1

    log.shown = other
    assert named(log, tmp_path).fault is Fault.FIGURE_DIFFERS


def test_figures_that_are_behind_the_log_are_waited_for(log: ServedLog, tmp_path: Path) -> None:
    waits = list[int]()
    log.behind = 3

    def wait() -> None:
        waits.append(log.behind)
        log.behind -= 1

    source = AddressSource(log.address)
    look = Monitor(source, LogCopy.open(tmp_path), TRUST, lambda: NOW, wait).look()
    assert (look.figures or 0) > 50 and waits == [3, 2, 1]
    log.behind = 10**6
    assert Monitor(source, LogCopy.open(tmp_path), TRUST, lambda: NOW, wait).look().figures is None


def test_entries_that_break_a_law_are_named(log: ServedLog, tmp_path: Path) -> None:
    log.forge([richer(entry) if n == ROUND else entry for n, entry in enumerate(ENTRIES)])
    log.sign()
    assert named(log, tmp_path).fault is Fault.LAW_BROKEN


def test_a_law_that_an_event_set_aside_broke_is_told_of_and_no_fault(log: ServedLog, tmp_path: Path) -> None:
    told = {"v": 1, "type": "reporting.EventSetAside", "event_type": "procurement.FundsSpent", "reason": "operator"}
    head = {name: json.loads(ENTRIES[-1])[name] for name in ("at", "on", "hash")}
    own = {"source": "/procurement/rounds/R-9", "sequence": 2, "breaks": "money"}
    set_aside = json.dumps({**told, **head, **own}, sort_keys=True, separators=(",", ":")).encode()
    log.forge([*(richer(entry) if n == ROUND else entry for n, entry in enumerate(ENTRIES)), set_aside])
    log.sign()
    look = Reader(log, tmp_path).look()
    assert (look.set_aside, look.broken_laws) == (1, ("money",)) and "laws broken by that: money" in str(look)


def page(number: int, root: str, sequence: int | None = None) -> bytes:
    """A sealed page, as its entry tells of it."""
    head = {"v": 1, "type": "donations.PageSealed", "at": json.loads(ENTRIES[-1])["at"], "on": "2021-03-02"}
    own = {"shard": 0, "page": number, "rows": 2, "fen": 9, "root": root}
    body = {"source": "/donations/seals/0", "sequence": sequence or number + 1, "hash": "ab" * 32}
    sums = {"programmes": [{"programme": "love-parcel", "count": 2, "fen": 9}]}
    return json.dumps({**head, **own, **body, **sums}, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "forged",
    [page(0, "cd" * 32), page(2, "cd" * 32), page(1, "cd" * 31), page(1, "cd" * 32, 7), page(1, "CD" * 32)],
    ids=["twice", "left out", "too short", "out of number", "other spelling"],
)
def test_a_page_root_that_is_changed_repeated_or_malformed_is_named(
    log: ServedLog, tmp_path: Path, forged: bytes
) -> None:
    log.forge([*ENTRIES, page(0, "ab" * 32), forged])
    log.has_figures = False
    log.sign()
    found = named(log, tmp_path)
    assert found.fault is Fault.ENTRY_UNFIT and f"entry {SIZE + 1}:" in found.detail


def test_a_page_root_that_is_changed_later_is_a_fork(log: ServedLog, tmp_path: Path) -> None:
    log.forge([*ENTRIES, page(0, "ab" * 32)])
    log.has_figures = False
    log.sign()
    reader = Reader(log, tmp_path)
    reader.look()
    log.forge([*ENTRIES, page(0, "cd" * 32)])
    log.sign()
    assert reader.finding().fault is Fault.FORK


def test_a_swapped_key_is_named(log: ServedLog, tmp_path: Path) -> None:
    log.key = SignerKey(ORIGIN, seed("another"))
    log.sign()
    assert named(log, tmp_path).fault is Fault.KEY_SWAPPED


def test_a_checkpoint_that_nobody_known_signed_is_named(log: ServedLog, tmp_path: Path) -> None:
    log.sign(key=SignerKey(ORIGIN, seed("another")))
    assert named(log, tmp_path).fault is Fault.NOT_SIGNED


def test_too_few_witnesses_are_named(log: ServedLog, tmp_path: Path) -> None:
    trust = Trust(TRUST.keys, WitnessPolicy(tuple(one.verifier for one in WITNESSES), 2))
    log.sign(witnesses=WITNESSES[:1])
    found = Reader(log, tmp_path, trust).finding()
    assert found.fault is Fault.TOO_FEW_WITNESSES and "1 of 3" in found.detail
    log.sign(witnesses=WITNESSES[1:])
    assert Reader(log, tmp_path, trust).look().cosigned_by == ("witness.example/w1", "witness.example/w2")


def test_an_altered_tile_is_named(log: ServedLog, tmp_path: Path) -> None:
    log.hashed[4] = b"another"
    found = named(log, tmp_path)
    assert found.fault is Fault.TILE_ALTERED and "entry 4 " in found.detail


def test_lines_unlike_the_bundles_are_named(log: ServedLog, tmp_path: Path) -> None:
    log.lined[9] = richer(ENTRIES[ROUND])
    found = named(log, tmp_path)
    assert found.fault is Fault.LINES_DIFFER and "entry 9 " in found.detail


def test_a_checkpoint_of_more_entries_than_there_are_is_a_gap(log: ServedLog, tmp_path: Path) -> None:
    log.sign(SIZE + 3)
    assert named(log, tmp_path).fault is Fault.GAP


def test_an_entry_that_is_no_longer_served_is_a_gap(log: ServedLog, tmp_path: Path) -> None:
    log.paths[f"/log/tile/entries/000.p/{SIZE}"] = None
    assert named(log, tmp_path).fault is Fault.GAP


def test_neither_entries_nor_tiles_of_what_is_signed_is_named(log: ServedLog, tmp_path: Path) -> None:
    log.sign()
    log.forge([*ENTRIES[:-1], richer(ENTRIES[ROUND])])
    assert named(log, tmp_path).fault is Fault.ROOT_DIFFERS


def test_a_checkpoint_of_tomorrow_is_named(log: ServedLog, tmp_path: Path) -> None:
    log.sign(at=NOW + timedelta(days=1))
    assert named(log, tmp_path).fault is Fault.CHECKPOINT_OF_TOMORROW


def test_a_copy_that_was_altered_is_named_before_it_is_believed(log: ServedLog, tmp_path: Path) -> None:
    Reader(log, tmp_path).look()
    lines = tmp_path / "log" / "entries" / "000000000.ndjson"
    lines.write_bytes(lines.read_bytes().replace(b"love-parcel", b"live-parcel", 1))
    with pytest.raises(Wrong, match="copy_damaged"):
        LogCopy.open(tmp_path)
