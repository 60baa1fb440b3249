"""Records of `donations.pushed`, as the door would write them."""

from __future__ import annotations

import numpy as np

from services.donations.validation.domain.reader import LineReader
from services.donations.validation.domain.record_columns import RecordWriter
from services.donations.validation.domain.scopes import LinePlatforms
from services.donations.validation.domain.text_lines import TextLines


def columns_of(*lines: bytes, platform: str = "shop", amount_fen: int | None = None) -> bytes:
    """The columns of some donations in one record, wherever their merchants live; nothing where there are none.

    `amount_fen`: what each row has instead of its own amount; it may be one that the door would not let in.
    """
    reader, text = LineReader(1), TextLines(*lines)
    read = reader.read(text, LinePlatforms.one(platform, len(text)))
    rows = len(read.columns)
    assert rows == len(lines), "every line is a donation"
    if amount_fen is not None:
        read.columns.amounts_fen[:] = amount_fen
    return RecordWriter(reader.names).write(read.columns, np.arange(rows), np.array([0, rows]))[0] if rows else b""
