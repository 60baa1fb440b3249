"""Where in a dead letter's text the fault is, so that it can be marked there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_SPACE = re.compile(r"[ \t\n\r]*")
_BYTE = re.compile(r"\(byte (\d+)\)")
_decoder = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `begin` to `end` of a text, both counted from 0, `end` not included."""

    begin: int
    end: int


def fault_in(text: str, pointer: str, reason: str) -> Span | None:
    """Where a single row is wrong: the value that `pointer` names; of what is no JSON where reading it ended.

    A field that is missing is missed where the object ends. None: the row as a whole is wrong, or nothing in it.
    """
    if not pointer:
        found = _BYTE.search(reason)
        if found is None:
            return None
        # Bytes of UTF-8, counted to characters.
        at = len(text.encode(errors="replace")[: int(found[1])].decode(errors="ignore"))
        return Span(min(at, max(0, len(text) - 1)), min(at + 1, len(text)))
    name = pointer[1:].split("/", maxsplit=1)[0].replace("~1", "/").replace("~0", "~")
    return _member(text, name)


def _member(text: str, name: str) -> Span | None:
    """A member's value in the object that a text begins with, the last one of that name; else the object's end."""
    at, found = _skipped(text, 0), None
    if text[at : at + 1] != "{":
        return None
    at = _skipped(text, at + 1)
    try:
        while text[at : at + 1] == '"':
            key, at = _decoder.raw_decode(text, at)
            begin = _skipped(text, _skipped(text, at) + 1)
            _, at = _decoder.raw_decode(text, begin)
            if key == name:
                found = Span(begin, at)
            at = _skipped(text, at)
            at = _skipped(text, at + 1) if text[at : at + 1] == "," else at
    except (ValueError, RecursionError):
        return found
    return found or (Span(at, at + 1) if text[at : at + 1] == "}" else None)


def _skipped(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()
