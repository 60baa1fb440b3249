"""The leaves and the root of a page's tree, for all its rows at once.

`Row.leaf`, `merkle.leaf_hash` and `merkle.root_of` say what these are; here they are computed at a ledger's pace.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pandapack.compiled import compiled
from pandapack.contracts.columns import Columns, StringColumn
from pandapack.contracts.merkle import EMPTY_ROOT
from pandapack.contracts.sha256 import (
    BLOCK_BYTES,
    BLOCK_WORDS,
    LANES,
    ROUNDS,
    STATE_WORDS,
    Words,
    compress,
    first_state,
)

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Arena = tuple[Bytes, Numbers]
"""Texts end to end, and where each begins; one more number says where the last ends."""

DIGEST_BYTES = 32
MESSAGE_BYTES = 320
"""The longest leaf: three names of 64 bytes, two numbers, what is between them, and SHA-256's padding."""
NAME_BYTES_MAX = 64
LINE_BREAK, MINUS, ZERO = b"\n-0"
LEAF_BYTE, NODE_BYTE, PADDING_BYTE = 0x00, 0x01, 0x80
LENGTH_BYTES = 8
NODE_BITS = 8 * (1 + 2 * DIGEST_BYTES)

_POWERS = np.array([10**digits for digits in range(20)], np.uint64)
_PAIRS = np.frombuffer(b"".join(b"%02d" % pair for pair in range(100)), np.uint8)


@compiled
def _write_number(message: Bytes, at: int, magnitude: np.uint64) -> int:
    digits = 1
    while digits < len(_POWERS) and magnitude >= _POWERS[digits]:
        digits += 1
    place = at + digits
    while place - at >= 2:
        rest = magnitude // np.uint64(100)
        pair = 2 * (magnitude - rest * np.uint64(100))
        place -= 2
        message[place], message[place + 1] = _PAIRS[pair], _PAIRS[pair + np.uint64(1)]
        magnitude = rest
    if place > at:
        message[at] = ZERO + magnitude
    return at + digits


@compiled
def _write_signed(message: Bytes, at: int, number: np.int64) -> int:
    if number >= 0:
        return _write_number(message, at, np.uint64(number))
    message[at] = MINUS
    return _write_number(message, at + 1, np.uint64(0) - np.uint64(number))


@compiled
def _write_text(message: Bytes, at: int, texts: Arena, place: int) -> int:
    for source in range(texts[1][place], texts[1][place + 1]):
        message[at] = texts[0][source]
        at += 1
    return at


@compiled
def _pad(message: Bytes, length: int) -> int:
    """Ends a message as SHA-256 wants it. Answers how many blocks it has."""
    blocks = (length + LENGTH_BYTES) // BLOCK_BYTES + 1
    end = blocks * BLOCK_BYTES
    message[length] = PADDING_BYTE
    for place in range(length + 1, end):
        message[place] = 0
    message[end - 2], message[end - 1] = (8 * length) >> 8, (8 * length) & 0xFF
    return blocks


@compiled
def _load(schedule: Words, messages: Bytes, begin: int) -> None:
    for word in range(BLOCK_WORDS):
        at = begin + 4 * word
        for lane in range(LANES):
            schedule[word, lane] = np.uint32(
                np.uint32(messages[lane, at]) << np.uint32(24)
                | np.uint32(messages[lane, at + 1]) << np.uint32(16)
                | np.uint32(messages[lane, at + 2]) << np.uint32(8)
                | np.uint32(messages[lane, at + 3])
            )


@compiled
def _hash_lanes(messages: Bytes, blocks: Numbers, digests: Words, begin: int, count: int) -> None:
    """Digests for columns `begin` to `begin + count`: of the messages in as many lanes."""
    state, schedule = np.empty((STATE_WORDS, LANES), np.uint32), np.empty((ROUNDS, LANES), np.uint32)
    first_state(state)
    for block in range(blocks.max()):
        _load(schedule, messages, block * BLOCK_BYTES)
        compress(state, schedule)
        for word in range(STATE_WORDS):
            for lane in range(count):
                if blocks[lane] == block + 1:
                    digests[word, begin + lane] = state[word, lane]


@compiled
def _leaves(
    ids: tuple[npt.NDArray[np.uint64], Numbers, Arena],
    merchants: tuple[npt.NDArray[np.uint32], Arena],
    programmes: tuple[npt.NDArray[np.uint32], Arena],
    amounts: Numbers,
    times: Numbers,
) -> Words:
    rows = len(amounts)
    digests = np.empty((STATE_WORDS, rows), np.uint32)
    messages, blocks = np.zeros((LANES, MESSAGE_BYTES), np.uint8), np.ones(LANES, np.int64)
    for begin in range(0, rows, LANES):
        count = min(LANES, rows - begin)
        for lane in range(count):
            row, message = begin + lane, messages[lane]
            message[0] = LEAF_BYTE
            if ids[1][row] >= 0:
                at = _write_text(message, 1, ids[2], ids[1][row])
            else:
                at = _write_number(message, 1, ids[0][row])
            message[at] = LINE_BREAK
            at = _write_text(message, at + 1, merchants[1], merchants[0][row])
            message[at] = LINE_BREAK
            at = _write_text(message, at + 1, programmes[1], programmes[0][row])
            message[at] = LINE_BREAK
            at = _write_signed(message, at + 1, amounts[row])
            message[at] = LINE_BREAK
            at = _write_signed(message, at + 1, times[row])
            blocks[lane] = _pad(message, at)
        _hash_lanes(messages, blocks, digests, begin, count)
    return digests


@compiled
def _load_pairs(schedule: Words, nodes: Words, begin: int, count: int) -> None:
    """The first block of a node a lane: its byte, the left hash below it, the right one but for a byte."""
    for side in range(2):
        for word in range(STATE_WORDS):
            for lane in range(count):
                at = 2 * (begin + lane) + side
                before = nodes[word - 1, at] if word else (nodes[STATE_WORDS - 1, at - 1] if side else NODE_BYTE)
                schedule[side * STATE_WORDS + word, lane] = np.uint32(
                    np.uint32(before) << np.uint32(24) | nodes[word, at] >> np.uint32(8)
                )


@compiled
def _load_ends(schedule: Words, nodes: Words, begin: int, count: int) -> None:
    """The second block: the last byte, and the padding."""
    for lane in range(count):
        last = nodes[STATE_WORDS - 1, 2 * (begin + lane) + 1]
        schedule[0, lane] = np.uint32(last << np.uint32(24) | np.uint32(PADDING_BYTE << 16))
    for word in range(1, BLOCK_WORDS):
        for lane in range(LANES):
            schedule[word, lane] = NODE_BITS if word == BLOCK_WORDS - 1 else 0


@compiled
def _root(leaves: Words) -> Words:
    """Pairs nodes level by level, in place: a node is written where nothing that is still to be read lies."""
    nodes, size = leaves.copy(), leaves.shape[1]
    state, schedule = np.empty((STATE_WORDS, LANES), np.uint32), np.zeros((ROUNDS, LANES), np.uint32)
    while size > 1:
        pairs = size // 2
        for begin in range(0, pairs, LANES):
            count = min(LANES, pairs - begin)
            first_state(state)
            _load_pairs(schedule, nodes, begin, count)
            compress(state, schedule)
            _load_ends(schedule, nodes, begin, count)
            compress(state, schedule)
            for word in range(STATE_WORDS):
                for lane in range(count):
                    nodes[word, begin + lane] = state[word, lane]
        if size % 2:
            for word in range(STATE_WORDS):
                nodes[word, pairs] = nodes[word, size - 1]
        size = pairs + size % 2
    return nodes[:, 0].copy()


def _arena(texts: Sequence[str]) -> Arena:
    joined, lengths = "".join(texts), list(map(len, texts))
    if not joined.isascii():
        lengths = [len(text.encode()) for text in texts]
    assert max(lengths, default=0) <= NAME_BYTES_MAX, f"a name has at most {NAME_BYTES_MAX} bytes"
    return np.frombuffer(joined.encode() or b"\0", np.uint8), np.cumsum([0, *lengths], dtype=np.int64)


def _column(texts: StringColumn) -> tuple[npt.NDArray[np.uint32], Arena]:
    dense = texts.dense()
    return dense.indices, _arena(dense.strings)


def _leaf_words(columns: Columns) -> Words:
    texts = columns.ids.texts
    text_of = np.full(len(columns), -1, np.int64)
    text_of[list(texts)] = np.arange(len(texts))
    ids = (columns.ids.numbers, text_of, _arena(list(texts.values())))
    merchants, programmes = _column(columns.merchants), _column(columns.programmes)
    return _leaves(ids, merchants, programmes, columns.amounts_fen, columns.times_us)


def leaves_of(columns: Columns) -> list[bytes]:
    """The leaf hashes of a page's rows, in order: 32 bytes each, `merkle.leaf_hash(row.leaf())`."""
    raw = _leaf_words(columns).T.astype(">u4").tobytes()
    return [raw[at : at + DIGEST_BYTES] for at in range(0, len(raw), DIGEST_BYTES)]


def page_root(columns: Columns) -> bytes:
    """The Merkle root over a page's rows, 32 bytes: `merkle.root_of` their leaves."""
    return _root(_leaf_words(columns)).astype(">u4").tobytes() if len(columns) else EMPTY_ROOT
