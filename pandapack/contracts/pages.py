"""The page format: a shard's donations as compressed columns, under a scheme tag.

`panda-page/2` is, after zstd: a JSON header on one line, then the columns in this order:
ids (numbers; 0 where an id is no plain number, and its text then stands, with its row, in the header), merchants and
programmes (places in the header's dictionaries), amounts in fen, times in microseconds since 1970 UTC. Ids and times
are differences from the row before. A column of numbers is the value that is subtracted from each (the header's
`bases`) and the fewest bytes that hold the rest (`widths`, 0 to 8), byte by byte: first the lowest byte of every row,
then the next. Whatever is alike then lies together, which is what a compressor wants.
A page can be read back into exactly the donations that it holds.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from pandapack.contracts.columns import Columns, Ids, Row, StringColumn
from pandapack.contracts.merkle import leaf_hash

__all__ = ["Columns", "Row", "UnknownScheme", "pack", "page_id", "page_number", "seal_hash", "unpack"]

SCHEME = "panda-page/2"
SEAL_SCHEME = "panda-seal/1"
COMPRESSION_LEVEL = 3
PAGE_BYTES_MAX = 12 * 1024 * 1024
SHARD_DIGITS = 4
NUMBER_DIGITS = 10
COLUMNS = 5
NUMBER_BYTES = 8


class UnknownScheme(ValueError):
    """The bytes carry a scheme that this release does not read."""


class _Header(msgspec.Struct):
    scheme: str
    rows: int
    merchants: list[str]
    programmes: list[str]
    bases: list[int]
    widths: list[int]
    texts: list[tuple[int, str]] = []


class _Scheme(msgspec.Struct):
    scheme: str


def page_id(shard: int, number: int) -> str:
    """`3`, `17` → `0003/0000000017`: text order is number order."""
    return f"{shard:0{SHARD_DIGITS}d}/{number:0{NUMBER_DIGITS}d}"


def shard_prefix(shard: int) -> str:
    """What the ids of all pages of a shard begin with."""
    return f"{shard:0{SHARD_DIGITS}d}/"


def page_number(id: str) -> int:
    """`0003/0000000017` → `17`."""
    return int(id.partition("/")[2])


def pack(columns: Columns) -> bytes:
    """Columns as bytes."""
    merchants, programmes = columns.merchants.dense(), columns.programmes.dense()
    numbers = (
        _steps(columns.ids.numbers.view(np.int64)),
        merchants.indices.astype(np.int64),
        programmes.indices.astype(np.int64),
        columns.amounts_fen,
        _steps(columns.times_us),
    )
    bases, widths, parts = zip(*map(_narrowed, numbers), strict=True)
    header = _Header(
        SCHEME,
        len(columns),
        list(merchants.strings),
        list(programmes.strings),
        list(bases),
        list(widths),
        sorted(columns.ids.texts.items()),
    )
    plain = b"".join((msgspec.json.encode(header), b"\n", *parts))
    return zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(plain)


def _steps(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    # Differences wrap around at 64 bits, and so do the sums that undo them: any two ids will do.
    return np.diff(numbers, prepend=np.int64(0))


def _narrowed(numbers: npt.NDArray[np.int64]) -> tuple[int, int, bytes]:
    """Base, width and bytes of a column: as few bytes as the span of its numbers needs, lowest bytes first."""
    if not len(numbers):
        return 0, 0, b""
    base = int(numbers.min())
    above = numbers.view(np.uint64) - np.uint64(base % 2**64)
    width = (int(above.max()).bit_length() + 7) // 8
    return base, width, above.astype("<u8").view(np.uint8).reshape(-1, NUMBER_BYTES)[:, :width].T.tobytes()


def _widened(plain: bytes, at: int, rows: int, base: int, width: int) -> npt.NDArray[np.int64]:
    above = np.zeros((rows, NUMBER_BYTES), np.uint8)
    above[:, :width] = np.frombuffer(plain, np.uint8, rows * width, at).reshape(width, rows).T
    numbers: npt.NDArray[np.int64] = (above.view("<u8").reshape(rows) + np.uint64(base % 2**64)).view(np.int64)
    return numbers


def unpack(packed: bytes) -> Columns:
    """Bytes as columns. Raises UnknownScheme, or ValueError where the bytes are damaged."""
    try:
        plain = zstandard.ZstdDecompressor().decompress(packed, max_output_size=PAGE_BYTES_MAX * 16)
        end = plain.index(b"\n")
        header = _header_of(plain[:end])
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"the page is damaged: {error}") from error
    rows, at = header.rows, end + 1
    if len(header.widths) != COLUMNS or len(plain) - at != rows * sum(header.widths):
        raise ValueError(f"the page is damaged: {len(plain) - at} bytes for {rows} rows of {header.widths}")
    numbers = []
    for base, width in zip(header.bases, header.widths, strict=True):
        numbers.append(_widened(plain, at, rows, base, width))
        at += rows * width
    ids, merchants, programmes, amounts, times = numbers
    return Columns(
        Ids(np.cumsum(ids).view(np.uint64), dict(header.texts)),
        _texts_of(merchants, header.merchants),
        _texts_of(programmes, header.programmes),
        amounts,
        np.cumsum(times),
    )


def _header_of(raw: bytes) -> _Header:
    scheme = msgspec.json.decode(raw, type=_Scheme).scheme
    if scheme != SCHEME:
        raise UnknownScheme(f"page scheme {scheme}, this release reads {SCHEME}")
    return msgspec.json.decode(raw, type=_Header)


def _texts_of(indices: npt.NDArray[Any], strings: list[str]) -> StringColumn:
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < len(strings):
        raise ValueError(f"the page is damaged: a place beyond the {len(strings)} names")
    return StringColumn(indices.astype(np.uint32), strings)


def seal_hash(previous: bytes, id: str, rows: int, root: bytes) -> bytes:
    """A seal: the Merkle root of a page, chained to the seal of the page before (32 zero bytes for the first)."""
    return leaf_hash(f"{SEAL_SCHEME}\n{previous.hex()}\n{id}\n{rows}\n{root.hex()}".encode())


FIRST_SEAL = bytes(32)
