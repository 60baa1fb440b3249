"""A mirror: the same addresses, nothing that does not lead to the signed root, and no step lost by a stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.tlog.checkpoint import open_checkpoint
from pandapack.transparency import copies
from pandapack.transparency.copies import LogCopy
from pandapack.transparency.differences import difference, entries_within
from pandapack.transparency.findings import Fault, Wrong
from pandapack.transparency.monitor import Monitor
from pandapack.transparency.sources import AddressSource, FolderSource, Source, Unanswered, source_of
from pandapack.transparency.trust import Trust
from tests.served_log import ENTRIES, NOW, ServedLog, served
from tests.unit.contracts.tlog.logs import LOG_KEY, ORIGIN, entry_of

MANY = [entry_of(number) for number in range(5_000)]
KEYS = [LOG_KEY.verifier]


@pytest.fixture(scope="module")
def large() -> Iterator[ServedLog]:
    """Five thousand entries: two files of lines, twenty bundles, tiles of two levels."""
    made = ServedLog(MANY)
    with served(made):
        yield made


def extended(copy: LogCopy, source: Source, log: ServedLog) -> None:
    copy.extend(source, open_checkpoint(log.note.raw, ORIGIN, KEYS))


def test_a_mirror_serves_the_same_at_the_same_addresses(large: ServedLog, tmp_path: Path) -> None:
    copy, source = LogCopy.open(tmp_path), AddressSource(large.address)
    for size in (0, 17, 700, 701, 4_096, 5_000):
        large.sign(size)
        extended(copy, source, large)
        mirror = FolderSource(tmp_path)
        assert mirror.get("checkpoint") == large.note.raw
        files = [file for file in (tmp_path / "log" / "tile").rglob("*") if file.is_file()]
        for file in files:
            path = f"tile/{file.relative_to(tmp_path / 'log' / 'tile')}"
            assert file.read_bytes() == source.get(path), path
        assert len(files) >= size // 256 * 2
        assert list(copy.entries(0, size)) == MANY[:size]
        assert copy.root_at(size // 3) == LogCopy.open(tmp_path).root_at(size // 3)
    assert not list((tmp_path / "log" / "tile" / "0").glob("00[0-8].p")), "what is full is not partial any more"
    assert mirror.lines(4_096, 5_000) == MANY[4_096:]


def test_a_mirror_of_a_mirror_is_the_same_and_a_static_server_is_enough(large: ServedLog, tmp_path: Path) -> None:
    large.sign(700)
    first, second = LogCopy.open(tmp_path / "first"), LogCopy.open(tmp_path / "second")
    extended(first, AddressSource(large.address), large)
    static = ServedLog([])
    files = [file for file in (tmp_path / "first").rglob("*") if file.is_file()]
    static.paths = {f"/{file.relative_to(tmp_path / 'first')}": file.read_bytes() for file in files}
    static.paths["/log/entries.ndjson"] = None
    with served(static):
        extended(second, AddressSource(static.address), large)
    names = [
        sorted(str(one.relative_to(copy.folder)) for one in copy.folder.rglob("*") if one.is_file())
        for copy in (first, second)
    ]
    assert names[0] == names[1] and second.edge == first.edge


class Stopping:
    """A source that stops answering after so many answers."""

    def __init__(self, source: Source, answers: int) -> None:
        self.name, self._source, self._left = source.name, source, answers
        self.asked: list[str] = []

    def get(self, path: str) -> bytes | None:
        self._count(path)
        return self._source.get(path)

    def lines(self, first: int, end: int) -> list[bytes] | None:
        self._count("lines")
        return self._source.lines(first, end)

    def _count(self, path: str) -> None:
        if self._left == 0:
            raise Unanswered("gone")
        self._left -= 1
        self.asked.append(path)


def test_a_mirror_goes_on_where_it_was_stopped_and_its_checkpoint_comes_last(large: ServedLog, tmp_path: Path) -> None:
    large.sign(5_000)
    first = Stopping(AddressSource(large.address), 30)
    with pytest.raises(Unanswered):
        extended(LogCopy.open(tmp_path), first, large)
    assert LogCopy.open(tmp_path).size == 0 and not (tmp_path / "log" / "checkpoint").exists()
    second = Stopping(AddressSource(large.address), 1_000)
    copy = LogCopy.open(tmp_path)
    extended(copy, second, large)
    assert copy.size == 5_000 and "tile/entries/000" in first.asked and "tile/entries/000" not in second.asked


def test_a_stop_at_any_write_leaves_a_copy_that_goes_on(
    large: ServedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large.sign(300)
    write = copies.write_atomically
    for stops_at in range(20):
        folder, left = tmp_path / str(stops_at), [stops_at]

        def stopping(path: Path, content: bytes, mode: int = 0o644, left: list[int] = left) -> None:
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            write(path, content, mode)

        monkeypatch.setattr(copies, "write_atomically", stopping)
        copy = LogCopy.open(folder)
        try:
            extended(copy, AddressSource(large.address), large)
        except KeyboardInterrupt:
            monkeypatch.setattr(copies, "write_atomically", write)
            copy = LogCopy.open(folder)
            extended(copy, AddressSource(large.address), large)
        assert copy.size == 300 and LogCopy.open(folder).edge == copy.edge
    assert left[0] > 0, "the last one was not stopped"


def test_what_a_stopped_mirror_left_is_not_believed_against_the_log(large: ServedLog, tmp_path: Path) -> None:
    large.sign(5_000)
    with pytest.raises(Unanswered):
        extended(LogCopy.open(tmp_path), Stopping(AddressSource(large.address), 30), large)
    lines = tmp_path / "log" / "entries" / "000000000.ndjson"
    lines.write_bytes(lines.read_bytes().replace(b"entry 77\n", b"entry x7\n"))
    copy = LogCopy.open(tmp_path)
    extended(copy, AddressSource(large.address), large)
    assert list(copy.entries(0, 5_000)) == MANY


def test_a_mirror_keeps_its_checkpoint_where_the_log_is_not_the_one_that_is_signed(tmp_path: Path) -> None:
    log = ServedLog(MANY[:600])
    with served(log):
        copy, source = LogCopy.open(tmp_path), AddressSource(log.address)
        log.sign(300)
        extended(copy, source, log)
        before = log.note.raw
        log.bundled[400] = b"another"
        log.sign(600)
        with pytest.raises(Wrong, match="entry 400 "):
            extended(copy, source, log)
        assert (tmp_path / "log" / "checkpoint").read_bytes() == before and LogCopy.open(tmp_path).size == 300
        log.bundled[400] = MANY[400]
        extended(copy, source, log)
        assert LogCopy.open(tmp_path).size == 600


def test_an_altered_tile_of_a_higher_level_is_named(tmp_path: Path) -> None:
    log = ServedLog(MANY[:600])
    with served(log):
        log.paths["/log/tile/1/000.p/2"] = bytes(64)
        with pytest.raises(Wrong, match=r"tile_altered: tile/1/000\.p/2"):
            extended(LogCopy.open(tmp_path), AddressSource(log.address), log)


def test_a_monitor_reads_a_mirrors_folder_without_judging_its_age(tmp_path: Path) -> None:
    log = ServedLog()
    with served(log):
        extended(LogCopy.open(tmp_path / "mirror"), AddressSource(log.address), log)
    much_later = NOW + timedelta(days=400)
    source = source_of(str(tmp_path / "mirror"))
    look = Monitor(source, LogCopy.open(tmp_path / "seen"), Trust(tuple(KEYS)), lambda: much_later).look()
    assert (look.size, look.figures) == (len(ENTRIES), None)


def swapped(entries: list[bytes], at: int, to: int) -> list[bytes]:
    return [entries[{at: to, to: at}.get(n, n)] for n in range(len(entries))]


TAMPERINGS: dict[Fault, Callable[[list[bytes], int, int], list[bytes]]] = {
    Fault.ENTRY_ALTERED: lambda entries, at, _: [*entries[:at], b"other", *entries[at + 1 :]],
    Fault.ENTRY_REMOVED: lambda entries, at, _: [*entries[:at], *entries[at + 1 :]],
    Fault.ENTRY_INSERTED: lambda entries, at, _: [*entries[:at], b"other", *entries[at:]],
    Fault.ENTRIES_SWAPPED: swapped,
}


@given(st.sampled_from(sorted(TAMPERINGS)), st.integers(2, 256), st.data())
def test_what_was_done_to_a_bundle_is_told_from_its_hashes(fault: Fault, width: int, data: st.DataObject) -> None:
    honest = MANY[:width]
    at = data.draw(st.integers(0, width - 1))
    to = data.draw(st.integers(0, width - 1).filter(lambda n: n != at))
    hashes = [leaf_hash(one) for one in honest]
    told = difference(0, [leaf_hash(one) for one in TAMPERINGS[fault](honest, at, to)], hashes)
    assert told is not None and told.fault is fault
    assert f" {min(at, to) if fault is Fault.ENTRIES_SWAPPED else at} " in told.detail
    assert difference(0, hashes, hashes) is None


def test_a_bundle_of_any_bytes_has_entries() -> None:
    assert entries_within(b"\x00\x01a\x00\x02bc") == [b"a", b"bc"]
    assert entries_within(b"\x00\x05abc") == [b"abc"] and entries_within(b"") == []
