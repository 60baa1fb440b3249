"""Some lines of text: the donations of a push or of records, cut at line breaks; blank lines are none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.intp]

MARGIN = 32
"""Zero bytes behind a text: what reads a value of a fixed length need not look where the text ends."""
LINE_BREAK, BLANK = b"\n "


class Text:
    """Lines of a body. `starts` and `ends`: where each that is not blank begins, and where its line break is."""

    __slots__ = ("bytes", "ends", "raw", "starts")

    def __init__(self, body: bytes) -> None:
        self.raw = b"".join((body, b"\n", bytes(MARGIN)))
        self.bytes: Bytes = np.frombuffer(self.raw, np.uint8)
        ends: Offsets = np.flatnonzero(self.bytes == LINE_BREAK)
        starts = np.concatenate((np.zeros(1, np.intp), ends[:-1] + 1))
        is_line = np.ones(len(starts), bool)
        for line in np.flatnonzero(self.bytes[starts] <= BLANK).tolist():
            is_line[line] = bool(self.raw[starts[line] : ends[line]].strip())
        self.starts, self.ends = (starts, ends) if is_line.all() else (starts[is_line], ends[is_line])

    @classmethod
    def of(cls, lines: Sequence[bytes]) -> Text:
        """Lines without line breaks as a text."""
        return cls(b"\n".join(lines))

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, number: int) -> bytes:
        """One line's bytes, without its break."""
        return self.raw[self.starts[number] : self.ends[number]]

    def lines(self) -> list[bytes]:
        """All lines."""
        return [self.raw[begin:end] for begin, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True)]
