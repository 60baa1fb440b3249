"""Keys that a receipt's holder trusts, as they stand in a file or a field: a line each.

    log.example.org/panda-pack+0a1b2c3d+AZ…               a key of the public log
    log.example.org/panda-pack+99887766+AV… until 120345  one that signs nothing beyond that size
    5f3a…                                                 64 hex digits: a key that signs receipts of the first form

Empty lines, and those that begin with `#`, say nothing. A log's key changes, and what it signed stays signed: an old
one is listed with the last size that it signed, so that whoever has stolen it since can sign nothing new with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pandapack.contracts.strict_json import EXACT_MAX
from pandapack.contracts.tlog.encoding import Malformed, decimal_of, shown
from pandapack.contracts.tlog.note import VerifierKey

KEYS_BYTES_MAX = 64 * 1024
"""Some hundreds of keys: a log changes its own once a year."""
_LINE = re.compile(r"([!-~]+)(?: until ([!-~]+))?", re.ASCII)
_HEX_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key of the log. `until`: the last size that it signed; None while it signs."""

    key: VerifierKey
    until: int | None = None

    def may_sign(self, size: int) -> bool:
        """Whether a checkpoint of that size is one that it signed."""
        return self.until is None or size <= self.until


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """Keys of logs, and keys (hex) that sign receipts of the first form."""

    log: tuple[LogKey, ...] = ()
    signing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        idents = [(one.key.name, one.key.id) for one in self.log]
        if len(set(idents)) != len(idents):
            raise Malformed("a key of the log is listed twice")

    def __add__(self, other: TrustedKeys) -> TrustedKeys:
        return TrustedKeys((*self.log, *other.log), (*self.signing, *other.signing))


def parse_keys(text: str) -> TrustedKeys:
    """The keys of such a text. Raises Malformed, which names the line."""
    if len(text.encode(errors="replace")) > KEYS_BYTES_MAX:
        raise Malformed(f"keys have at most {KEYS_BYTES_MAX} bytes")
    log, signing = list[LogKey](), list[str]()
    for line in _lines(text):
        if _HEX_KEY.fullmatch(line):
            signing.append(line)
        else:
            log.append(_log_key(line))
    return TrustedKeys(tuple(log), tuple(signing))


def _lines(text: str) -> Iterable[str]:
    stripped = (line.strip(" \t\r") for line in text.split("\n"))
    return (line for line in stripped if line and not line.startswith("#"))


def _log_key(line: str) -> LogKey:
    parts = _LINE.fullmatch(line)
    if parts is None:
        raise Malformed(f"a key is name+id+base64, perhaps with `until` and a size, or 64 hex digits: {shown(line)}")
    until = None if parts[2] is None else decimal_of(parts[2], "the last size that a key signed")
    if until is not None and until > EXACT_MAX:
        raise Malformed(f"a size is at most {EXACT_MAX}: {shown(line)}")
    return LogKey(VerifierKey.parse(parts[1]), until)
