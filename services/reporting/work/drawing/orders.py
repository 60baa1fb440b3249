"""What is asked of the drawing process and what it answers: frames of a length (4 bytes) and MessagePack."""

from __future__ import annotations

import struct

import msgspec

from services.reporting.domain.charts.sheets import Sheet, Theme

HEAD = struct.Struct(">I")
FRAME_BYTES_MAX = 8 * 1024 * 1024
"""A PNG at twice its size is a few hundred KB, a sheet less: what is longer is no frame of ours."""


class Order(msgspec.Struct, frozen=True):
    """A plot of the sheet; or, with one that is drawn already, its PNG in a theme, `is_card` as a card."""

    sheet: Sheet
    plot: str | None = None
    height: float = 0.0
    theme: Theme = Theme.LIGHT
    is_card: bool = False


class Drawn(msgspec.Struct, frozen=True):
    """The inner elements of the plot and its height; or the PNG; or why there is neither."""

    plot: str = ""
    height: float = 0.0
    png: bytes = b""
    failure: str | None = None
    cpu_ms: int = 0
    resident_mib: int = 0


def frame(message: Order | Drawn) -> bytes:
    """As it goes through a pipe."""
    body = msgspec.msgpack.encode(message)
    return HEAD.pack(len(body)) + body
