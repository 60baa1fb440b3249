"""Lines that are laid out alike, read all at once: numpy looks at a column of a whole batch where JSON looks at a line.

A platform writes all its lines the same way: the same keys in the same order, the same white space. Such a layout is
learnt from one line that the JSON reader has taken; it is the texts between the values. A line that has exactly these
texts, between values that are of the plainest form (an id and names of plain characters, an amount without a leading
zero, an RFC 3339 time), is a donation, and the JSON reader would read the same from it: each of its bytes has been
looked at. Any other line is left to the JSON reader. A test proves that nothing depends on which of the two read it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pandapack.contracts.columns import NUMBER_ID_DIGITS_MAX, Columns, Ids, Texts
from services.donations.domain.names import Names

Words = npt.NDArray[np.uint64]
Offsets = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
Spans = dict[str, tuple[Offsets, Offsets]]
"""Field → where its values begin and end."""

QUOTES_A_LINE = 18  # five keys and four texts
FIELDS = ("id", "merchant", "programme", "amount_fen", "at")
MARGIN = 24
"""Zero bytes around a batch: words are read up to so far before and behind a value."""
AMOUNT_DIGITS_MAX = 8
SECONDS_CHARACTERS = len("2021-11-11T00:00:01")
ZONE_CHARACTERS = len("+08:00")
FRACTION_DIGITS_MAX = 6
QUOTE, LINE_BREAK, BLANK, ZERO, BACKSLASH, LETTER_T, LETTER_Z, DOT = b'"\n 0\\TZ.'
SECOND_US = 1_000_000


def _word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text.ljust(8, b"\0"), "little"))


_LOW = np.array([2 ** (8 * n) - 1 for n in range(9)], np.uint64)  # the first n bytes of a word
_HIGH = ~_LOW[::-1]  # the last n bytes of a word
_ZEROS = _word(b"0" * 8)
_HIGH_BITS, _BEYOND_NINE = _word(b"\x80" * 8), _word(b"\x76" * 8)
_CLOCK, _COLONS = _word(b"00:00:00"), _word(b"\0\0\xff\0\0\xff\0\0")
_BYTE = np.uint64(0xFF)


class Text:
    """A batch's lines as bytes and, from each byte on, as a word of eight."""

    def __init__(self, body: bytes) -> None:
        self._has_strange_bytes = b"\\" in body or b"\0" in body
        self.raw = b"".join((bytes(MARGIN), body, b"\n", bytes(MARGIN)))
        self.bytes = np.frombuffer(self.raw, np.uint8)
        self.words: Words = np.ndarray(len(self.raw) - 7, np.dtype("<u8"), buffer=self.raw, strides=(1,))
        self.ends: Offsets = np.flatnonzero(self.bytes == LINE_BREAK)
        self.starts: Offsets = np.concatenate((np.array([MARGIN], np.intp), self.ends[:-1] + 1))

    def line(self, number: int) -> bytes:
        """One line's bytes, without its break."""
        return self.raw[self.starts[number] : self.ends[number]]

    def quotes(self) -> tuple[Offsets, Offsets]:
        """The lines with as many quotes as a donation has, and no escapes; and (a row a quote) where these are."""
        quotes = np.flatnonzero(self.bytes == QUOTE)
        count = len(self.starts)
        if len(quotes) == QUOTES_A_LINE * count:
            table = np.ascontiguousarray(quotes.reshape(count, QUOTES_A_LINE).T)
            if bool(np.all(table[0] > self.starts - 1) and np.all(table[-1] < self.ends)):
                return self._without_escapes(np.arange(count), table)
        first, last = np.searchsorted(quotes, self.starts), np.searchsorted(quotes, self.ends)
        lines = np.flatnonzero(last - first == QUOTES_A_LINE)
        return self._without_escapes(lines, quotes[first[lines] + np.arange(QUOTES_A_LINE)[:, None]])

    def _without_escapes(self, lines: Offsets, quotes: Offsets) -> tuple[Offsets, Offsets]:
        if not self._has_strange_bytes:
            return lines, quotes
        strange = np.flatnonzero((self.bytes == BACKSLASH) | (self.bytes == 0))
        its_line = np.searchsorted(self.ends, strange)
        keep = ~np.isin(lines, its_line)
        return lines[keep], quotes[:, keep]

    def equals(self, at: Offsets, wanted: bytes) -> Mask:
        """Whether these bytes stand at each place."""
        same: Mask = np.ones(len(at), bool)
        for begin in range(0, len(wanted), 8):
            part = wanted[begin : begin + 8]
            # Behind the batch's end stands nothing that could be equal: a line break is before.
            same &= (self.words[np.minimum(at + begin, len(self.words) - 1)] & _LOW[len(part)]) == _word(part)
        return same

    def number(self, ends: Offsets, lengths: Offsets, digits_max: int) -> tuple[Words, Mask]:
        """The decimal number that ends at each place, and whether it is one: 1 to `digits_max` digits and no others."""
        value: Words = np.zeros(len(ends), np.uint64)
        good: Mask = (lengths > 0) & (lengths <= digits_max)
        scale = 1
        for begin in range(0, digits_max, 8):
            held = np.clip(lengths - begin, 0, 8)
            digits = ((self.words[ends - 8 - begin] ^ _ZEROS) & _HIGH[held]).astype(np.uint64)
            good &= ((digits + _BEYOND_NINE) | digits) & _HIGH_BITS == 0
            value += _eight_digits(digits) * np.uint64(scale)
            scale *= 10**8
        return value, good


def _eight_digits(digits: Words) -> Words:
    """Eight bytes of 0 to 9, the first the most significant, as a number: pairs, fours, eight."""
    pairs = (digits * np.uint64(10) + (digits >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    fours = (pairs * np.uint64(100) + (pairs >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    return (fours * np.uint64(10_000) + (fours >> np.uint64(32))) & np.uint64(0x00000000FFFFFFFF)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a platform lays out a line: the texts before each value, in their order, and the one behind the last.

    `opening[field]` is the number of the quote that opens a text value.
    """

    order: tuple[str, ...]
    before: tuple[bytes, ...]
    behind: bytes
    opening: dict[str, int]

    @classmethod
    def of(cls, line: bytes) -> Layout | None:
        """The layout of a line that the JSON reader took; None where it is not as plain as that."""
        if b"\\" in line or b"\0" in line or line.count(b'"') != QUOTES_A_LINE:
            return None
        between = line.split(b'"')  # the text between quotes n and n+1 stands at n+1
        order: list[str] = []
        before: list[bytes] = []
        opening: dict[str, int] = {}
        pending, quote = between[0], 0
        while quote < QUOTES_A_LINE:
            field = between[quote + 1].decode("ascii", "replace")
            order.append(field)
            pending += b'"' + between[quote + 1] + b'"' + between[quote + 2]
            if field == "amount_fen":
                name, _, rest = pending.rpartition(b":")
                before.append(name + b":")
                pending = rest.lstrip(b" ").lstrip(b"0123456789")
                if pending.lstrip()[:1] not in (b",", b"}"):
                    return None  # a number, but not a plain one
                quote += 2
            else:
                before.append(pending + b'"')
                opening[field] = quote + 2
                pending = b'"' + between[quote + 4]
                quote += 4
        return cls(tuple(order), tuple(before), pending, opening) if sorted(order) == sorted(FIELDS) else None

    def spans(self, text: Text, lines: Offsets, quotes: Offsets) -> tuple[Mask, Spans]:
        """Which lines have this layout, and where the values of those begin and end."""
        at, ends = text.starts[lines], text.ends[lines]
        same: Mask = np.ones(len(lines), bool)
        spans: Spans = {}
        behind = (*self.before[1:], self.behind)
        for place, field in enumerate(self.order):
            same &= text.equals(at, self.before[place])
            begin = at + len(self.before[place])
            if field in self.opening:
                same &= quotes[self.opening[field]] == begin - 1
                at = quotes[self.opening[field] + 1]
            else:  # the amount has no quotes: it ends where the text begins that ends at the next value's
                is_last = place + 1 == len(self.order)
                reached = ends if is_last else quotes[self.opening[self.order[place + 1]]] + 1
                at = reached - len(behind[place])
            spans[field] = begin, at
        same &= text.equals(at, self.behind) & (at + len(self.behind) == ends)
        return same, spans


@dataclass(slots=True)
class Alike:
    """What lines of one layout hold. `lines`: the line of each row."""

    lines: Offsets
    columns: Columns


class Values:
    """Reads the values of lines that have a layout, and remembers merchants, programmes and dates."""

    def __init__(self, merchants: Names, programmes: Names, dates: Names) -> None:
        self._merchants, self._programmes, self._dates = merchants, programmes, dates

    def read(self, text: Text, lines: Offsets, spans: Spans, is_name: Callable[[str], bool]) -> Alike:
        """The rows of those lines whose values are of the plainest form."""
        amounts, good = self._amounts(text, *spans["amount_fen"])
        times, are_times = self._times(text, *spans["at"])
        merchants = self._names(text, *spans["merchant"], self._merchants)
        programmes = self._names(text, *spans["programme"], self._programmes)
        good &= are_times & (merchants >= 0) & (programmes >= 0)
        begin, end = spans["id"]
        numbers, are_numbers = text.number(end, end - begin, NUMBER_ID_DIGITS_MAX)
        are_numbers &= (text.bytes[begin] != ZERO) | (end - begin == 1)
        texts: dict[int, str] = {}
        for row in np.flatnonzero(good & ~are_numbers).tolist():
            id = text.raw[begin[row] : end[row]].decode("utf-8", "replace")
            if is_name(id):
                texts[row], numbers[row] = id, 0
            else:
                good[row] = False
        columns = Columns(
            Ids(numbers, texts),
            Texts(merchants.astype(np.uint32), self._merchants.names),
            Texts(programmes.astype(np.uint32), self._programmes.names),
            amounts,
            times,
        )
        if good.all():
            return Alike(lines, columns)
        rows = np.flatnonzero(good)
        return Alike(lines[rows], columns.take(rows))

    @staticmethod
    def _amounts(text: Text, begin: Offsets, end: Offsets) -> tuple[npt.NDArray[np.int64], Mask]:
        begin = begin + (text.bytes[begin] == BLANK)
        amounts, good = text.number(end, end - begin, AMOUNT_DIGITS_MAX)
        return amounts.view(np.int64), good & (text.bytes[begin] != ZERO)

    @staticmethod
    def _names(text: Text, begin: Offsets, end: Offsets, names: Names) -> npt.NDArray[np.int32]:
        lengths = end - begin
        first = text.words[begin] & _LOW[np.clip(lengths, 0, 8)]
        second = text.words[begin + 8] & _LOW[np.clip(lengths - 8, 0, 8)]
        return names.places(
            first, second, lengths, lambda row: text.raw[begin[row] : end[row]].decode("utf-8", "replace")
        )

    def _times(self, text: Text, begin: Offsets, end: Offsets) -> tuple[npt.NDArray[np.int64], Mask]:
        zone_lengths = np.where(text.bytes[end - 1] == LETTER_Z, 1, ZONE_CHARACTERS)
        zone_begin = end - zone_lengths
        fraction = zone_begin - begin - SECONDS_CHARACTERS
        good = (
            (text.bytes[begin + len("2021-11-11")] == LETTER_T)
            & (fraction >= 0)
            & (fraction <= 1 + FRACTION_DIGITS_MAX)
        )
        clock = text.words[begin + len("2021-11-11T")] ^ _CLOCK
        good &= ((clock + _BEYOND_NINE) | clock) & _HIGH_BITS == 0
        good &= clock & _COLONS == 0
        hours, minutes, seconds = (_two_digits(clock, at) for at in (0, 24, 48))
        good &= (hours < 24) & (minutes < 60) & (seconds < 60)
        times = ((hours * 60 + minutes) * 60 + seconds) * SECOND_US
        if (fraction != 0).any():
            micros, are_digits = text.number(zone_begin, np.maximum(fraction - 1, 0), 8)
            has_dot = text.bytes[begin + SECONDS_CHARACTERS] == DOT
            good &= (fraction == 0) | (are_digits & has_dot)
            times += micros.view(np.int64) * 10 ** (FRACTION_DIGITS_MAX - np.clip(fraction - 1, 0, FRACTION_DIGITS_MAX))
        # A date and its zone are sixteen characters: eight, two and up to six.
        first = text.words[begin]
        zone = text.words[zone_begin] & _LOW[zone_lengths]
        second = (text.words[begin + 8] & np.uint64(0xFFFF)) | (zone << np.uint64(16))
        dates = self._dates.places(
            first,
            second,
            np.full(len(begin), 16),
            lambda row: _date_and_zone(text.raw, begin[row], zone_begin[row], end[row]),
        )
        return times + self._dates.values[dates], good & (dates >= 0)


def _two_digits(word: Words, bits: int) -> npt.NDArray[np.int64]:
    tens, ones = word >> np.uint64(bits) & _BYTE, word >> np.uint64(bits + 8) & _BYTE
    return (tens * np.uint64(10) + ones).view(np.int64)


def _date_and_zone(raw: bytes, begin: int, zone_begin: int, end: int) -> str:
    return (raw[begin : begin + len("2021-11-11")] + raw[zone_begin:end]).decode("utf-8", "replace")
