"""Some lines of text: what a push or some records hold, cut at line breaks; blank lines are none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
"""Shape (bytes,): a text."""
Offsets = npt.NDArray[np.intp]
"""Shape (lines,) or (rows,): for each an offset in bytes, or the number of a line or row."""

MARGIN = 32
"""Zero bytes behind a text: what reads a value of a fixed length need not look where the text ends."""
LINE_BREAK, BLANK = b"\n", b" "


class TextLines:
    """Lines of bodies, one body below the other.

    `starts` and `ends`: where each that is not blank begins, and where its line break is.
    """

    __slots__ = ("bytes", "ends", "raw", "starts")

    def __init__(self, *bodies: bytes) -> None:
        self.raw = LINE_BREAK.join((*bodies, bytes(MARGIN)))
        self.bytes: Bytes = np.frombuffer(self.raw, np.uint8)
        ends: Offsets = np.flatnonzero(self.bytes == LINE_BREAK[0])
        starts = np.concatenate((np.zeros(1, np.intp), ends + 1))[:-1]
        is_line = np.ones(len(starts), bool)
        for line in np.flatnonzero(self.bytes[starts] <= BLANK[0]).tolist():
            is_line[line] = bool(self.raw[starts[line] : ends[line]].strip())
        self.starts, self.ends = (starts, ends) if is_line.all() else (starts[is_line], ends[is_line])

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, number: int) -> bytes:
        """One line's bytes, without its break."""
        return self.raw[self.starts[number] : self.ends[number]]

    def lines(self) -> list[bytes]:
        """All lines."""
        return [self.raw[begin:end] for begin, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True)]
