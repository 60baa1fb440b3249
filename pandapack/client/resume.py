"""Resuming a file where it stopped: a journal beside it, a line a batch, gone once the whole file is pushed.

The first line names what is pushed to whom in which batches: SHA-256 and size of the file's content, the service's
address, the key's public prefix, the limits. If any of it differs, the journal is of something else and starts over.
Every further line is a batch that was accepted, in order and without gaps, so its end is where to resume, and all
earlier results are known again. A line that a crash tore is dropped; its batch is pushed again, which changes nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

from pandapack.cache import cache_dir
from pandapack.client.batches import Batch, BatchLimits, batches, lines_of_file
from pandapack.client.results import PushResult

SCHEME = "panda-push/1"
SUFFIX = ".panda-push"
CACHE_FOLDER = "pushes"


class Subject(msgspec.Struct, frozen=True):
    """What is pushed to whom in which batches."""

    sha256: str
    size: int
    url: str
    sender: str
    lines_max: int
    bytes_max: int
    id: str | None = None
    scheme: str = SCHEME


_results = msgspec.json.Decoder(PushResult)


def state_path(file: Path) -> Path:
    """Where a file's journal lies: beside it, or in the user's cache where that folder takes no files."""
    if os.access(file.parent, os.W_OK):
        return file.with_name(f".{file.name}{SUFFIX}")
    return cache_dir() / CACHE_FOLDER / (hashlib.sha256(bytes(file.resolve())).hexdigest() + SUFFIX)


def subject_of(file: IO[bytes], *, url: str, sender: str, limits: BatchLimits, id: str | None) -> Subject:
    """Reads the whole file once: only its content tells whether it is the same."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # any seekable binary file will do
    return Subject(digest, file.seek(0, os.SEEK_END), url, sender, limits.lines_max, limits.bytes_max, id)


def known_results(journal: bytes, subject: Subject) -> list[PushResult]:
    """Pure: the batches that a journal knows as accepted, up to the first line that does not follow the one before."""
    first, *lines = journal.split(b"\n")
    if first != msgspec.json.encode(subject):
        return []
    known: list[PushResult] = []
    for line in lines[:-1]:  # behind the last line break nothing is whole
        try:
            result = _results.decode(line)
        except msgspec.DecodeError:
            break
        if result.start != (known[-1].end if known else 0):
            break
        known.append(result)
    return known


def resumed_results(known: list[PushResult]) -> Iterator[PushResult]:
    """Pure: what an earlier run pushed, marked as such."""
    return (msgspec.structs.replace(result, resumed=True) for result in known)


def journal_of(subject: Subject, known: list[PushResult]) -> bytes:
    """Pure: a journal's bytes."""
    return b"".join(msgspec.json.encode(line) + b"\n" for line in (subject, *known))


@dataclass(slots=True)
class FilePush:
    """A file while it is pushed: what is known of it, the batches to come, and the journal of what was accepted."""

    file: IO[bytes]
    state: Path
    subject: Subject
    known: list[PushResult] = field(init=False)
    _journal: IO[bytes] = field(init=False)

    def __post_init__(self) -> None:
        before = self.state.read_bytes() if self.state.exists() else b""
        self.known = known_results(before, self.subject)
        self.state.parent.mkdir(parents=True, exist_ok=True)
        # Written anew as a whole, so that nothing torn stays in the middle.
        draft = self.state.with_name(f"{self.state.name}.new")
        draft.write_bytes(journal_of(self.subject, self.known))
        draft.replace(self.state)
        self._journal = self.state.open("ab", buffering=0)

    def batches(self) -> Iterator[Batch]:
        """The batches that were not accepted yet."""
        limits = BatchLimits(self.subject.lines_max, self.subject.bytes_max)
        number, start = (self.known[-1].last_line + 1, self.known[-1].end) if self.known else (1, 0)
        return batches(lines_of_file(self.file, limits, number=number, start=start), limits)

    def record(self, result: PushResult) -> None:
        """Notes a batch that was accepted. It is not forced to the disk: what is forgotten is pushed again."""
        self._journal.write(msgspec.json.encode(result) + b"\n")

    def finish(self) -> None:
        """The whole file is pushed: the next push of it starts from its beginning."""
        self.state.unlink(missing_ok=True)

    def __enter__(self) -> FilePush:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._journal.close()
        self.file.close()


def open_file_push(
    path: Path, state: Path | None, *, url: str, sender: str, limits: BatchLimits, id: str | None
) -> FilePush:
    """Opens a file for pushing. Raises OSError."""
    file = path.open("rb")
    try:
        subject = subject_of(file, url=url, sender=sender, limits=limits, id=id)
        return FilePush(file, state or state_path(path), subject)
    except BaseException:
        file.close()
        raise
