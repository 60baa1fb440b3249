"""Pure: lines become batches. The same lines always give the same batches, so that their ids are the same too.

A batch ends when it has `lines_max` lines or the next one would make it larger than `bytes_max`. Where a batch ends
depends on nothing before it: starting at a batch's end gives the same batches as coming there from the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:  # with it comes pydantic, which only who makes a typed donation needs
    from pandapack.contracts.donations import Donation

LINES_MAX = 2_000
BYTES_MAX = 4 * 1024 * 1024

DonationInput: TypeAlias = "Donation | Mapping[str, Any] | bytes | str"
"""A donation as a caller has it: typed, as a mapping, or as a line of JSON."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How large a batch may be. The service accepts at most 10,000 lines and 5 MiB."""

    lines_max: int = LINES_MAX
    bytes_max: int = BYTES_MAX


@dataclass(frozen=True, slots=True)
class Line:
    """A line to push: its number from 1 and its bytes `[start, end)` in what it comes from.

    `text` is None where the line is longer than a batch may be; `size` then is its length.
    """

    number: int
    text: bytes | None
    size: int
    start: int
    end: int


@dataclass(slots=True)
class Batch:
    """Some lines on their way. `numbers[index]` is the line that the service calls `index`."""

    start: int
    first_line: int
    end: int = 0
    last_line: int = 0
    texts: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    too_long: list[tuple[int, int]] = field(default_factory=list)
    size: int = 0

    def add(self, line: Line) -> None:
        """One more line; a blank one only moves the end."""
        self.end, self.last_line = line.end, line.number
        if line.text is None:
            self.too_long.append((line.number, line.size))
        elif line.text:
            self.texts.append(line.text)
            self.numbers.append(line.number)
            self.size += len(line.text) + 1

    def body(self) -> bytes:
        """The lines as NDJSON."""
        return b"\n".join(self.texts)


def batch_id(batch: Batch, call_id: str | None, number: int) -> str:
    """The id that stays the same when the batch is repeated: of the `number`-th of a call's id, or of the body."""
    return f"{call_id}.{number}" if call_id is not None else sha256(batch.body()).hexdigest()


def batches(lines: Iterable[Line], limits: BatchLimits) -> Iterator[Batch]:
    """Lines in batches, in order."""
    batch: Batch | None = None
    for line in lines:
        if batch is not None and _is_full(batch, line, limits):
            yield batch
            batch = None
        if batch is None:
            batch = Batch(start=line.start, first_line=line.number)
        batch.add(line)
    if batch is not None:
        yield batch


def _is_full(batch: Batch, line: Line, limits: BatchLimits) -> bool:
    refused_too = len(batch.texts) + len(batch.too_long)
    return refused_too >= limits.lines_max or batch.size + len(line.text or b"") > limits.bytes_max


def batch_of_ndjson(body: bytes) -> Batch:
    """NDJSON that is laid out already, as one batch that is sent as it is. No line of it may be blank."""
    count = body.removesuffix(b"\n").count(b"\n") + 1
    numbers = list(range(1, count + 1))
    return Batch(0, first_line=1, end=len(body), last_line=count, texts=[body], numbers=numbers, size=len(body))


def lines_of(donations: Iterable[DonationInput], limits: BatchLimits) -> Iterator[Line]:
    """Donations as lines, numbered from 1."""
    start = 0
    for number, donation in enumerate(donations, 1):
        line = line_from(donation, number, start, limits)
        start = line.end
        yield line


def line_from(donation: DonationInput, number: int, start: int, limits: BatchLimits) -> Line:
    """One donation as the `number`-th line, at byte `start`."""
    match donation:
        case str():
            text = _one_line(donation.encode())
        case bytes():
            text = _one_line(donation)
        case Mapping():
            text = msgspec.json.encode(donation)
        case _:
            text = donation.model_dump_json().encode()
    fits = len(text) <= limits.bytes_max
    return Line(number, text if fits else None, len(text), start, start + len(text) + 1)


def _one_line(text: bytes) -> bytes:
    # Outside strings a line break is mere white space, and inside strings JSON has none.
    return text.replace(b"\n", b" ").replace(b"\r", b" ").strip()


def lines_of_file(file: IO[bytes], limits: BatchLimits, *, number: int = 1, start: int = 0) -> Iterator[Line]:
    """The lines of a file from byte `start`, where line `number` begins. Memory is bounded however long a line is."""
    file.seek(start)
    while piece := file.readline(limits.bytes_max + 1):
        end = start + len(piece)
        if piece.endswith(b"\n") or len(piece) <= limits.bytes_max:  # the last line may lack its end
            yield Line(number, piece.strip(), len(piece), start, end)
        else:
            end += _rest_of_line(file, limits.bytes_max)
            yield Line(number, None, end - start, start, end)
        number, start = number + 1, end


def _rest_of_line(file: IO[bytes], bytes_max: int) -> int:
    """Passes over the rest of a line; how many bytes it had."""
    passed = 0
    while piece := file.readline(bytes_max):
        passed += len(piece)
        if piece.endswith(b"\n"):
            break
    return passed
