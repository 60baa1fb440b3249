"""The drawing process. It reads orders from its standard input and writes answers to its standard output.

It ends with its parent, however that ends: its input ends, and in the midst of a drawing the kernel kills it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree as ET

import msgspec
import vl_convert

from services.reporting.domain.charts import pictures
from services.reporting.domain.charts.drawing import specification
from services.reporting.work.drawing.orders import FRAME_BYTES_MAX, HEAD, Drawn, Order, frame

FONTS = Path(__file__).with_name("fonts")
NICENESS = 10
"""Whoever draws gives way to whoever answers."""
PR_SET_PDEATHSIG = 1
PNG_SCALE = 2.0
"""Pixels a pixel of a chart: sharp on today's screens. A card has its own size."""


def main(arguments: list[str]) -> int:
    """`PARENT_PID`. Exit status: 0 when the input has ended, 1 where the parent is gone already."""
    if not tied_to(int(arguments[0])):
        return 1
    os.nice(NICENESS)
    vl_convert.register_font_directory(str(FONTS))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    while (order := read(sys.stdin.buffer)) is not None:
        answers.write(frame(answer(order)))
        answers.flush()
    return 0


def tied_to(parent: int) -> bool:
    """Whether the parent lives; from now on this process ends with it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent


def read(source: BinaryIO) -> Order | None:
    """The next order; None: there will be none."""
    head = source.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    (length,) = HEAD.unpack(head)
    return msgspec.msgpack.decode(source.read(length), type=Order) if length <= FRAME_BYTES_MAX else None


def answer(order: Order) -> Drawn:
    """What was drawn, and what it took; or why it was not."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    try:
        drawn = drawing(order) if order.plot is None else png(order, order.plot)
    except Exception as error:  # whatever it is, the next order may be drawn
        drawn = Drawn(failure=repr(error))
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return msgspec.structs.replace(drawn, cpu_ms=round(1000 * cpu_s), resident_mib=resident_mib())


def resident_mib() -> int:
    """What this process holds; not `ru_maxrss`, which a process has from whoever started it."""
    held = Path("/proc/self/statm")
    return int(held.read_text().split()[1]) * resource.getpagesize() // 2**20 if held.exists() else 0


def drawing(order: Order) -> Drawn:
    """The plot as SVG."""
    svg = vl_convert.vegalite_to_svg(specification(order.sheet))
    height = ET.fromstring(svg).attrib["height"]  # noqa: S314 - it was drawn a line above
    return Drawn(plot=pictures.plain(svg), height=float(height))


def png(order: Order, plot: str) -> Drawn:
    """A plot as PNG."""
    picture = pictures.card if order.is_card else pictures.alone
    svg = picture(order.sheet, plot, order.height, order.theme)
    return Drawn(png=vl_convert.svg_to_png(svg, scale=1.0 if order.is_card else PNG_SCALE))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
