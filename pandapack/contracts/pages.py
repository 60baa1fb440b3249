"""The page format: a line's donations as compressed columns, under a scheme tag.

`panda-page/1` is, after zstd: a JSON header on one line, then the columns in this order:
ids (text, a line each), merchants and programmes (32-bit places in the header's dictionaries), amounts in fen
(32-bit), times in microseconds since 1970 UTC (64-bit, as differences from the row before). Numbers are little-endian.
A page can be read back into exactly the donations that it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec
import numpy as np
import zstandard

from pandapack.contracts.merkle import leaf_hash, root_of

SCHEME = "panda-page/1"
SEAL_SCHEME = "panda-seal/1"
COMPRESSION_LEVEL = 3
PAGE_BYTES_MAX = 12 * 1024 * 1024
LINE_DIGITS = 4
NUMBER_DIGITS = 10


class UnknownScheme(ValueError):
    """The bytes carry a scheme that this release does not read."""


class _Header(msgspec.Struct):
    scheme: str
    rows: int
    id_bytes: int
    merchants: list[str]
    programmes: list[str]


@dataclass(frozen=True, slots=True)
class Row:
    """One counted donation. `at_us`: microseconds since 1970 UTC."""

    id: str
    merchant: str
    programme: str
    amount_fen: int
    at_us: int

    def leaf(self) -> bytes:
        """What a seal hashes of the row: its five values, a line each, UTF-8."""
        return f"{self.id}\n{self.merchant}\n{self.programme}\n{self.amount_fen}\n{self.at_us}".encode()


@dataclass(slots=True)
class Columns:
    """A page's rows, column by column, in the order in which they were counted."""

    ids: list[str] = field(default_factory=list)
    merchants: list[str] = field(default_factory=list)
    programmes: list[str] = field(default_factory=list)
    amounts_fen: list[int] = field(default_factory=list)
    times_us: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self) -> Iterator[Row]:
        """The rows in order."""
        columns = (self.ids, self.merchants, self.programmes, self.amounts_fen, self.times_us)
        return (Row(*values) for values in zip(*columns, strict=True))

    def extend(self, other: Columns) -> None:
        """Puts the rows of `other` behind these."""
        self.ids.extend(other.ids)
        self.merchants.extend(other.merchants)
        self.programmes.extend(other.programmes)
        self.amounts_fen.extend(other.amounts_fen)
        self.times_us.extend(other.times_us)

    def leaves(self) -> list[bytes]:
        """The leaf hashes of the rows, for a seal: `leaf_hash(row.leaf())` of each, written out since it is hot."""
        columns = (self.ids, self.merchants, self.programmes, self.amounts_fen, self.times_us)
        return [
            sha256(f"\0{id}\n{merchant}\n{programme}\n{fen}\n{at_us}".encode()).digest()
            for id, merchant, programme, fen, at_us in zip(*columns, strict=True)
        ]


def page_id(line: int, number: int) -> str:
    """`3`, `17` → `0003/0000000017`: text order is number order."""
    return f"{line:0{LINE_DIGITS}d}/{number:0{NUMBER_DIGITS}d}"


def line_prefix(line: int) -> str:
    """What the ids of all pages of a line begin with."""
    return f"{line:0{LINE_DIGITS}d}/"


def page_number(id: str) -> int:
    """`0003/0000000017` → `17`."""
    return int(id.partition("/")[2])


def pack(columns: Columns) -> bytes:
    """Columns as bytes."""
    merchants, merchant_places = _dictionary(columns.merchants)
    programmes, programme_places = _dictionary(columns.programmes)
    ids = "\n".join(columns.ids).encode()
    header = msgspec.json.encode(_Header(SCHEME, len(columns), len(ids), merchants, programmes))
    times = np.diff(np.asarray(columns.times_us, dtype="<i8"), prepend=0)
    parts = (
        header,
        b"\n",
        ids,
        np.asarray(merchant_places, dtype="<u4").tobytes(),
        np.asarray(programme_places, dtype="<u4").tobytes(),
        np.asarray(columns.amounts_fen, dtype="<u4").tobytes(),
        times.astype("<i8").tobytes(),
    )
    return zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(b"".join(parts))


def unpack(packed: bytes) -> Columns:
    """Bytes as columns. Raises UnknownScheme, or ValueError where the bytes are damaged."""
    try:
        plain = zstandard.ZstdDecompressor().decompress(packed, max_output_size=PAGE_BYTES_MAX * 16)
    except zstandard.ZstdError as error:
        raise ValueError(f"the page is damaged: {error}") from error
    end = plain.index(b"\n")
    header = msgspec.json.decode(plain[:end], type=_Header)
    if header.scheme != SCHEME:
        raise UnknownScheme(f"page scheme {header.scheme}, this release reads {SCHEME}")
    at = end + 1 + header.id_bytes
    ids = plain[end + 1 : at].decode().split("\n") if header.rows else []
    count = header.rows
    merchant_places = np.frombuffer(plain, "<u4", count, at)
    programme_places = np.frombuffer(plain, "<u4", count, at + 4 * count)
    amounts = np.frombuffer(plain, "<u4", count, at + 8 * count)
    times = np.cumsum(np.frombuffer(plain, "<i8", count, at + 12 * count))
    if len(ids) != count:
        raise ValueError(f"the page is damaged: {len(ids)} ids for {count} rows")
    return Columns(
        ids,
        [header.merchants[place] for place in merchant_places.tolist()],
        [header.programmes[place] for place in programme_places.tolist()],
        amounts.tolist(),
        times.tolist(),
    )


def seal_hash(previous: bytes, id: str, rows: int, root: bytes) -> bytes:
    """A seal: the Merkle root of a page, chained to the seal of the page before (32 zero bytes for the first)."""
    return leaf_hash(f"{SEAL_SCHEME}\n{previous.hex()}\n{id}\n{rows}\n{root.hex()}".encode())


FIRST_SEAL = bytes(32)


def page_root(columns: Columns) -> bytes:
    """The Merkle root over a page's rows."""
    return root_of(columns.leaves())


def _dictionary(values: list[str]) -> tuple[list[str], list[int]]:
    places: dict[str, int] = {}
    indices = [places.setdefault(value, len(places)) for value in values]
    return list(places), indices
