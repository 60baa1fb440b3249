"""A copy of a log in a folder, at the paths at which logs are served: `panda mirror` keeps one, and so does a monitor.

Nothing is believed that the copy's own hashes do not lead to. New entries are fetched as bundles, compared with the
tiles and the lines that are served beside them, and written; only when they lead to the root that is signed the copy's
own checkpoint is replaced, last and atomically. What a stop leaves behind the checkpoint is taken up by the next run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.tlog.checkpoint import Checkpoint, SignedCheckpoint
from pandapack.contracts.tlog.encoding import HASH_BYTES, Malformed
from pandapack.contracts.tlog.note import Note
from pandapack.contracts.tlog.tiles import HEIGHT, WIDTH, Bundle, Tile, bundle_bytes, bundles_of, tile_hashes, width_at
from pandapack.contracts.tlog.tree import Edge, append, consistency_proof, edge_at, is_consistent
from pandapack.transparency.differences import difference, entries_within
from pandapack.transparency.findings import Fault, Finding, Wrong
from pandapack.transparency.sources import LINES_A_FILE, Source, lines_path, read_wide

ENTRIES_A_STEP = 1_024
"""Fetched, compared and written together: four bundles. A file of lines has four steps."""

Progress = Callable[[int, int], None]
"""Told how many entries there are by now, of how many."""


def write_atomically(path: Path, content: bytes, mode: int = 0o644) -> None:
    """The file has all of it or is as it was, whenever the process or the machine stops."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_file = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(partial_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial_file.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@dataclass
class _Differences:
    """The first of each kind that was met on the way; what they mean shows when the root is known."""

    entries: Finding | None = None
    known_entries: Finding | None = None
    tiles: Finding | None = None
    lines: Finding | None = None
    leftovers: bool = False


@dataclass
class LogCopy:
    """The copy in a folder. `edge`: of all entries that its checkpoint covers; `checkpoint`: None before the first."""

    folder: Path
    edge: Edge = field(default_factory=Edge)
    checkpoint: Checkpoint | None = None

    @classmethod
    def open(cls, folder: Path) -> LogCopy:
        """The copy as it was left. Raises Wrong where its entries do not lead to its own checkpoint any more."""
        copy = cls(folder)
        raw = copy._read("checkpoint")
        if raw is None:
            return copy
        try:
            copy.checkpoint = Checkpoint.parse(Note.parse(raw).text)
        except Malformed as error:
            raise copy._damaged(f"log/checkpoint: {error}") from error
        size = copy.checkpoint.size
        for first in range(0, size, LINES_A_FILE):
            leaves = [leaf_hash(line) for line in copy._lines(first)[: size - first]]
            copy.edge = append(copy.edge, leaves).edge
        if (copy.edge.size, copy.edge.root) != (size, copy.checkpoint.root):
            raise copy._damaged(f"its {copy.edge.size} entries do not lead to its own checkpoint of {size}")
        return copy

    @property
    def size(self) -> int:
        """Entries that the copy's checkpoint covers."""
        return self.edge.size

    @property
    def key(self) -> str | None:
        """The log's public key as it was at first, or None."""
        raw = self._read("key")
        return None if raw is None else raw.decode().strip()

    def keep_key(self, text: str) -> None:
        """Keeps the log's public key beside the copy."""
        if self.key != text:
            self._write("key", f"{text}\n".encode())

    def entries(self, first: int, end: int) -> Iterator[bytes]:
        """The copy's own entries `[first, end)`, of those that its checkpoint covers."""
        for start in range(first - first % LINES_A_FILE, end, LINES_A_FILE):
            yield from self._lines(start)[max(0, first - start) : end - start]

    def extend(self, source: Source, signed: SignedCheckpoint, progress: Progress = lambda _, __: None) -> None:
        """Fetches what the copy lacks up to a checkpoint whose signature holds, and moves to it.

        Raises Wrong where the entries, tiles or lines that are served are not those that it signs, or not behind those
        that the copy has: then the copy stays where it was. Raises Unanswered.
        """
        met = _Differences()
        try:
            self._extend(source, signed, progress, met, may_reuse=True)
        except Wrong:
            if not met.leftovers:
                raise
            self._extend(source, signed, progress, _Differences(), may_reuse=False)

    def root_at(self, size: int) -> bytes:
        """The root of the copy's first entries, as many as that (at most its size)."""

        def read_tile(level: int, index: int, width: int) -> bytes:
            raw = self._read(Tile(level, index, width_at(self.size, level, index)).path)
            assert raw is not None, f"tile {level}/{index} of the copy is missing"
            return raw[: width * HASH_BYTES]

        return edge_at(size, read_tile).root

    def look_again(self, source: Source, turn: int) -> None:
        """Compares one bundle that the copy has with what is served by now: another one each turn.

        Raises Wrong where an entry is served otherwise than it was, or not any more; Unanswered.
        """
        if self.size == 0:
            return
        index = turn % -(-self.size // WIDTH)
        first = index * WIDTH
        bundle = Bundle(index, min(WIDTH, self.size - first))
        raw = read_wide(source, bundle)
        if raw is None:
            raise Wrong(Fault.GAP, f"{bundle.path} was served before, and {source.name} does not serve it any more")
        for n, (now, before) in enumerate(
            zip_longest(entries_within(raw)[: bundle.width], self.entries(first, first + bundle.width))
        ):
            if now != before:
                raise Wrong(Fault.ENTRY_ALTERED, f"entry {first + n} is served otherwise than it was before")

    def keep_evidence(self, name: str, note: bytes) -> Path:
        """Keeps a note that proves something beside the copy."""
        path = self.folder / "evidence" / name
        write_atomically(path, note)
        return path

    def _extend(
        self, source: Source, signed: SignedCheckpoint, progress: Progress, met: _Differences, *, may_reuse: bool
    ) -> None:
        checkpoint, edge = signed.checkpoint, self.edge
        size = checkpoint.size
        assert size >= self.size, "a smaller checkpoint is judged before"
        while edge.size < size:
            end = min(size, edge.size - edge.size % ENTRIES_A_STEP + ENTRIES_A_STEP)
            fresh = self._left_over(edge.size, end) if may_reuse else None
            met.leftovers |= fresh is not None
            is_fetched = fresh is None
            if fresh is None:
                fresh = self._fetched(source, edge, end, met)
            appended = append(edge, [leaf_hash(entry) for entry in fresh])
            full = {tile: hashes for tile, hashes in appended.tiles.items() if tile.width == WIDTH}
            if is_fetched:
                _compare_tiles(source, {tile: full[tile] for tile in full if tile.level > 0}, met)
            self._keep(edge.size, fresh, full)
            edge = appended.edge
            progress(edge.size, size)
        _compare_tiles(source, _partial_tiles(edge, from_level=1) if size > self.size else {}, met)
        self._judge(source, signed, edge, met)
        for tile, hashes in _partial_tiles(edge, from_level=0).items():
            self._write(tile.path, hashes)
        self._write("checkpoint", signed.note.raw)
        self.edge, self.checkpoint = edge, checkpoint

    def _fetched(self, source: Source, edge: Edge, end: int, met: _Differences) -> list[bytes]:
        """The entries behind an edge, as bundles have them; what differs beside them is noted."""
        first, fresh = edge.size, list[bytes]()
        for bundle in bundles_of(first, end):
            begin = bundle.index * WIDTH
            raw, tile = read_wide(source, bundle), read_wide(source, Tile(0, bundle.index, bundle.width))
            if raw is None or tile is None:
                path = bundle.path if raw is None else Tile(0, bundle.index, bundle.width).path
                raise Wrong(Fault.GAP, f"the checkpoint covers {path}, and {source.name} does not serve it")
            within = entries_within(raw)
            within = within[: bundle.width] if len(within) == WIDTH else within
            leaves, known = [leaf_hash(entry) for entry in within], max(0, first - begin)
            met.entries = met.entries or difference(begin, leaves, _hashes_of(tile, bundle, met))
            if known and tuple(leaves[:known]) != edge.levels[0]:
                met.known_entries = met.known_entries or difference(begin, leaves[:known], edge.levels[0])
            broken = next((n for n, entry in enumerate(within) if b"\n" in entry), None)
            if broken is not None:
                raise Wrong(Fault.ENTRY_UNFIT, f"entry {begin + broken}: it has a line break, and is no canonical JSON")
            fresh += (within + [b""] * WIDTH)[known : bundle.width]
        lines = source.lines(first, end)
        if lines is not None and lines != fresh:
            at = next((n for n, pair in enumerate(zip(lines, fresh, strict=False)) if pair[0] != pair[1]), len(lines))
            met.lines = met.lines or Finding(
                Fault.LINES_DIFFER, f"entry {first + at} as a line of entries.ndjson is not the one of the bundle"
            )
        return fresh

    def _judge(self, source: Source, signed: SignedCheckpoint, edge: Edge, met: _Differences) -> None:
        """Raises Wrong unless all that was fetched is one log, the one that the checkpoint signs."""
        checkpoint = signed.checkpoint
        found: Finding | None
        if edge.root == checkpoint.root:
            altered = met.tiles
            if met.entries is not None:  # the entries lead to the root, so it is the tile that does not
                detail = f"the entries lead to the signed root, and the tile over them does not: {met.entries.detail}"
                altered = Finding(Fault.TILE_ALTERED, detail)
            found = met.known_entries or altered or met.lines
        elif self._do_tiles_lead_to(checkpoint, source):
            found = met.entries or met.tiles
        elif self.size > 0:
            path = self.keep_evidence(f"fork-{checkpoint.size}-{checkpoint.root.hex()[:8]}.note", signed.note.raw)
            detail = (
                f"nothing shows that the log of {checkpoint.size} entries begins with the {self.size} that were seen "
                f"before; both are signed. Kept: {path}"
            )
            found = Finding(Fault.FORK, detail)
        else:
            detail = f"neither entries nor tiles lead to the signed root of {checkpoint.size} entries"
            found = Finding(Fault.ROOT_DIFFERS, detail)
        if found is not None:
            raise Wrong(found.fault, found.detail)

    def _do_tiles_lead_to(self, checkpoint: Checkpoint, source: Source) -> bool:
        """Whether the tiles that are served have the signed root, and the copy's own log at their beginning."""

        def read_tile(level: int, index: int, width: int) -> bytes:
            tile = Tile(level, index, width)
            found = read_wide(source, tile)
            if found is None:
                raise Wrong(Fault.GAP, f"the checkpoint covers {tile.path}, and {source.name} does not serve it")
            return found

        try:
            if edge_at(checkpoint.size, read_tile).root != checkpoint.root:
                return False
            proof = consistency_proof(self.size, checkpoint.size, read_tile)
        except Malformed:
            return False
        return is_consistent(self.size, self.edge.root, checkpoint.size, checkpoint.root, proof)

    def _left_over(self, first: int, end: int) -> list[bytes] | None:
        """Entries that a run before this one wrote and could not bring under a checkpoint, if all are there."""
        start = first - first % LINES_A_FILE
        found = self._lines(start)[first - start : end - start]
        return found if len(found) == end - first else None

    def _keep(self, first: int, fresh: Sequence[bytes], full: dict[Tile, bytes]) -> None:
        """Writes a step: bundles, full tiles, lines. A partial tile or bundle gives way to its full one."""
        end = first + len(fresh)
        start = first - first % LINES_A_FILE
        lines = [*self._lines(start)[: first - start], *fresh]
        for bundle in bundles_of(first, end):
            begin = bundle.index * WIDTH - start
            self._write(bundle.path, bundle_bytes(lines[begin : begin + bundle.width]))
            self._drop_partial(bundle)
        for tile, hashes in full.items():
            self._write(tile.path, hashes)
            self._drop_partial(tile)
        self._write(lines_path(start), b"".join(line + b"\n" for line in lines))

    def _drop_partial(self, full: Tile | Bundle) -> None:
        if full.width < WIDTH:
            return
        folder = self.folder / "log" / f"{full.path}.p"
        for file in folder.iterdir() if folder.is_dir() else ():
            file.unlink()
        if folder.is_dir():
            folder.rmdir()

    def _lines(self, start: int) -> list[bytes]:
        raw = self._read(lines_path(start))
        return [] if raw is None else raw.split(b"\n")[:-1]

    def _read(self, path: str) -> bytes | None:
        try:
            return (self.folder / "log" / path).read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, path: str, content: bytes) -> None:
        write_atomically(self.folder / "log" / path, content)

    def _damaged(self, why: str) -> Wrong:
        mend = "put it back from a backup, or begin again in another folder"
        return Wrong(Fault.COPY_DAMAGED, f"the copy in {self.folder} is damaged: {why}; {mend}")


def _hashes_of(raw: bytes, bundle: Bundle, met: _Differences) -> list[bytes]:
    """The hashes over a bundle; none where the tile is no tile."""
    try:
        return tile_hashes(raw, bundle.width)
    except Malformed as error:
        path = Tile(0, bundle.index, bundle.width).path
        met.tiles = met.tiles or Finding(Fault.TILE_ALTERED, f"{path}: {error}")
        return []


def _partial_tiles(edge: Edge, *, from_level: int) -> dict[Tile, bytes]:
    levels = enumerate(edge.levels)
    partial = [(level, hashes) for level, hashes in levels if hashes and level >= from_level]
    return {Tile(level, edge.size >> HEIGHT * (level + 1), len(hashes)): b"".join(hashes) for level, hashes in partial}


def _compare_tiles(source: Source, computed: dict[Tile, bytes], met: _Differences) -> None:
    """Tiles above the lowest level, which follow from those below."""
    for tile, hashes in computed.items():
        found = read_wide(source, tile)
        if found is None:
            raise Wrong(Fault.GAP, f"the checkpoint covers {tile.path}, and {source.name} does not serve it")
        if found[: len(hashes)] != hashes:
            detail = f"{tile.path} is not what follows from the entries below it"
            met.tiles = met.tiles or Finding(Fault.TILE_ALTERED, detail)
