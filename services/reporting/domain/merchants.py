"""A day's merchants: a tree of documents, each of which names so many and no more.

Whoever pushes chooses how many merchants a day has, and how long their names are. So the first document of a day takes
the first `MERCHANTS_A_DOCUMENT_MAX` that come, and all others go on to its branches, by a digest of their names; a
branch that is full goes on in the same way. A merchant that a document has not when it is full, it never has: so where
a merchant stands follows from what is full, and does not change when events come again. Each merchant is in one
document, and sums are exact however many there are.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from pydantic import PlainSerializer, PlainValidator

from services.reporting.domain.figures import CountAndFen

MERCHANTS_A_DOCUMENT_MAX = 8_192
"""Of the longest names and largest sums these are 1.1 MB as they are kept. On most days a shard has fewer."""
BRANCHES = 16
"""Two levels below the first document have room for two million merchants of a shard and day, three for thirty."""

Merchants = Mapping[str, CountAndFen]


def _packed(merchants: dict[str, CountAndFen]) -> str:
    return b64encode(msgspec.msgpack.encode(merchants)).decode()


_unpacker = msgspec.msgpack.Decoder(dict[str, CountAndFen])


def _unpacked(value: Any) -> dict[str, CountAndFen]:
    return _unpacker.decode(b64decode(value)) if isinstance(value, str) else value


PackedMerchants = Annotated[
    dict[str, CountAndFen], PlainValidator(_unpacked), PlainSerializer(_packed, return_type=str)
]
"""Kept as base64 of MessagePack: thousands of merchants a document, read and written as one value."""


def divided(known: Collection[str], more: Merchants) -> tuple[Merchants, Merchants]:
    """What of `more` a document that names the `known` takes, and what goes on to its branches."""
    new = [name for name in more if name not in known]
    room = MERCHANTS_A_DOCUMENT_MAX - len(known)
    if len(new) <= room:
        return more, {}
    beyond = set(new[room:])
    kept = {name: cell for name, cell in more.items() if name not in beyond}
    return kept, {name: more[name] for name in new[room:]}


def branched(rest: Merchants, depth: int) -> dict[str, dict[str, CountAndFen]]:
    """Branch → what goes there from a document so deep (the first is 0). Every level has a digest of its own."""
    parts: dict[str, dict[str, CountAndFen]] = {}
    salt = depth.to_bytes(blake2b.SALT_SIZE, "big")
    for name, cell in rest.items():
        digest = blake2b(name.encode(), digest_size=1, salt=salt).digest()
        parts.setdefault(f"{digest[0] % BRANCHES:x}", {})[name] = cell
    return dict(sorted(parts.items()))
