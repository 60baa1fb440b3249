"""Gets the entries of a log: from its address into a folder, where a later start goes on, or from a mirror's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.tlog.checkpoint import Checkpoint, open_checkpoint
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.note import NotSigned, VerifierKey
from pandapack.contracts.tlog.tiles import WIDTH, Tile, tile_hashes, width_at
from pandapack.contracts.tlog.tree import Edge, append, consistency_proof, is_consistent

ENTRIES_A_FILE = 4_096
"""What `/log/entries.ndjson` answers at most, and what a mirror keeps in a file."""
ANSWER_WAIT_S = 60.0
ROWS_AN_ANSWER = 10_000
"""Of `/v1/totals/round`: the most that it gives."""
SHOWN_TABLES = (
    *("programme", "day", "country", "item", "content", "category", "year"),
    *("specification", "indicator", "complaint"),
)

Json = dict[str, Any]
Progress = Callable[[int, int], None]
"""Told how many entries are there, and of how many."""


class NotProven(Exception):
    """What was fetched is not what the log signed. The text says what and where."""


class NotThere(Exception):
    """An address or a file does not answer."""


class Source(Protocol):
    """Where a log is read. `doubt`: what else may be the matter where its entries are not proven."""

    @property
    def doubt(self) -> str: ...

    def read(self, path: str) -> bytes:
        """What lies at a path such as `log/checkpoint`. Raises NotThere."""
        ...

    def entry_files(self, size: int, progress: Progress) -> list[Path]:
        """Files that hold the first `size` entries and perhaps more, in their order. Raises NotThere."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A mirror's folder, which has files at the same paths as the addresses."""

    path: Path

    @property
    def doubt(self) -> str:
        return ""

    def read(self, path: str) -> bytes:
        try:
            return (self.path / path).read_bytes()
        except OSError as error:
            raise NotThere(f"{self.path / path} cannot be read: {error.strerror}") from error

    def entry_files(self, size: int, progress: Progress) -> list[Path]:
        files = [self.path / "log" / "entries" / _name(first) for first in range(0, size, ENTRIES_A_FILE)]
        if missing := [file for file in files if not file.is_file()]:
            raise NotThere(f"{missing[0]} is missing: copy the log again with `panda mirror`")
        return files


@dataclass(frozen=True, slots=True)
class Address:
    """A service's address, and the folder in which entries are kept between starts."""

    client: httpx.Client
    kept: Path
    reused: list[Path] = field(default_factory=list)

    @property
    def doubt(self) -> str:
        """Whoever saw other entries before should say so: a log that shows two histories is forked."""
        if not self.reused:
            return ""
        mend = f"remove {self.kept} to recount what is served now"
        return f". An earlier start kept entries: if those are others, the log was forked or begun anew; {mend}"

    def read(self, path: str) -> bytes:
        return self._get(path, {}).content

    def _get(self, path: str, params: dict[str, str | int]) -> httpx.Response:
        try:
            answer = self.client.get(f"/{path}", params=params)
        except httpx.TransportError as error:
            raise NotThere(f"{self.client.base_url}/{path} does not answer: {error}") from error
        if not answer.is_success:
            raise NotThere(f"{answer.request.url} answered {answer.status_code}: {answer.text[:300]}")
        return answer

    def entry_files(self, size: int, progress: Progress) -> list[Path]:
        self.kept.mkdir(parents=True, exist_ok=True)
        files = []
        for first in range(0, size, ENTRIES_A_FILE):
            file, end = self.kept / _name(first), min(size, first + ENTRIES_A_FILE)
            if not file.exists() or file.read_bytes().count(b"\n") < end - first:
                _replace(file, self._get("log/entries.ndjson", {"from": first, "to": end}).content)
            else:
                self.reused.append(file)
            files.append(file)
            progress(end, size)
        return files

    def json(self, path: str, **params: str | int) -> Json:
        """The JSON at a path. Raises NotThere."""
        answer = self._get(path, params)
        try:
            found: Json = answer.json()
        except ValueError as error:
            raise NotThere(f"{answer.request.url} answered no JSON") from error
        return found

    def tables(self, size: int) -> dict[str, list[Json]]:
        """All rows of `/v1/totals/{by}` at a size."""
        tables: dict[str, list[Json]] = {by: self.json(f"v1/totals/{by}", as_of=size)["items"] for by in SHOWN_TABLES}
        rounds: list[Json] = []
        after: str | None = ""
        while after is not None:
            page = self.json("v1/totals/round", as_of=size, after=after, limit=ROWS_AN_ANSWER)
            rounds += page["items"]
            after = page["next"]
        return tables | {"round": rounds}


def _name(first: int) -> str:
    return f"{first:09d}.ndjson"


def _replace(file: Path, content: bytes) -> None:
    """A file is there as a whole or not at all, however a start ends."""
    new = file.with_suffix(".new")
    new.write_bytes(content)
    new.replace(file)


def signed_checkpoint(source: Source, key: VerifierKey) -> Checkpoint:
    """The log's latest checkpoint, signed by that key. Raises NotProven, NotThere."""
    try:
        return open_checkpoint(source.read("log/checkpoint"), key.name, [key]).checkpoint
    except (Malformed, NotSigned) as error:
        raise NotProven(f"log/checkpoint: {error}") from error


def root_of_files(files: Sequence[Path], size: int) -> bytes:
    """The root over the first `size` entries of files. Raises NotProven where there are fewer."""
    edge = Edge()
    for entries in _bundles(files, size):
        edge = append(edge, [leaf_hash(entry) for entry in entries]).edge
    if edge.size < size:
        raise NotProven(f"there are {edge.size} entries, and the checkpoint says {size}")
    return edge.root


def _bundles(files: Sequence[Path], size: int) -> Iterator[list[bytes]]:
    left = size
    for file in files:
        lines = file.read_bytes().split(b"\n")[:-1][:left]
        left -= len(lines)
        yield from (lines[first : first + WIDTH] for first in range(0, len(lines), WIDTH))


def prove(source: Source, files: Sequence[Path], size: int, signed: Checkpoint) -> bytes:
    """Shows that the files' first `size` entries are those that the checkpoint signs, or with which its log begins.

    Returns their root (32 bytes). Raises NotProven, NotThere.
    """
    root = root_of_files(files, size)

    def read_tile(level: int, index: int, width: int) -> bytes:
        return source.read(f"log/{Tile(level, index, width).path}")

    try:
        proof = consistency_proof(size, signed.size, read_tile)
    except Malformed as error:
        raise NotProven(f"the log's tiles prove nothing: {error}") from error
    if not is_consistent(size, root, signed.size, signed.root, proof):
        detail = f"the first {size} entries are not those that the checkpoint of {signed.size} entries signs"
        raise NotProven(f"{detail}: {_first_other(files, size, signed.size, read_tile)}{source.doubt}")
    return root


def _first_other(
    files: Sequence[Path], size: int, signed_size: int, read_tile: Callable[[int, int, int], bytes]
) -> str:
    """Which entry is the first that is not the one in the log's own tiles, in words."""
    first = 0
    for entries in _bundles(files, size):
        index = first // WIDTH
        try:
            hashes = tile_hashes(read_tile(0, index, width_at(signed_size, 0, index)), len(entries))
        except (NotThere, Malformed):
            return f"the tile of the entries from {first} on is not there"
        for n, (entry, known) in enumerate(zip(entries, hashes, strict=True), first):
            if known != leaf_hash(entry):
                return f"entry {n} is not the one of its tile"
        first += len(entries)
    return "they are those of its tiles, and the tree above was changed"
