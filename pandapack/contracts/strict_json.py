"""JSON taken by the letter: which name stands twice in an object, which is unknown, and what was probably meant.

Readers take the last of two members of one name and pass over what they do not know, so that a slip of the pen answers
202. Whoever asks here first refuses it.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from pandapack.contracts.nesting import is_nested_too_deeply

NAME_SHOWN_MAX = 64
"""A longer name is cut off where it is shown."""
ALIKE = 0.6
"""How like two names are, 0 to 1, of which one may have been meant by the other."""
NEAREST_KEPT = 4_096
EXACT_MAX = 2**53 - 1
"""Up to here every reader has a whole number exactly, a browser too."""
EXACT_CHARACTERS_MAX = len(str(-EXACT_MAX))


@dataclass(frozen=True, slots=True)
class StrictJson:
    """What a text holds: its value (numbers as their text), and the pointer of the first name that stands twice."""

    value: Any
    duplicate: str | None


def read_strictly(raw: bytes) -> StrictJson | None:
    """None where the text is no JSON: whoever reads it says why. It must not nest too deeply (`contracts.nesting`)."""
    repeated: list[tuple[dict[str, Any], str]] = []

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            repeated.append((found, next(name for name in names if names.count(name) > 1)))
        return found

    try:
        value = json.loads(raw.decode(), object_pairs_hook=members, parse_int=str, parse_float=str)
    except ValueError:
        return None
    return StrictJson(value, _first_repeated(value, repeated) if repeated else None)


def is_exact(raw: bytes) -> bool:
    """Whether a text is JSON that all readers read alike.

    Each name stands once in its object; numbers are whole and at most `EXACT_MAX`; all texts are Unicode's; and it does
    not nest too deeply. Of what is otherwise two readers may make two things: what is proven must have one meaning.
    """
    if is_nested_too_deeply(raw):
        return False
    try:
        json.loads(
            raw.decode(), object_pairs_hook=_once, parse_int=_exact, parse_float=_refused, parse_constant=_refused
        )
    except ValueError:
        return False
    return b"\\u" not in raw or _is_unicode(json.loads(raw))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _exact(number: str) -> int:
    found = int(number) if len(number) <= EXACT_CHARACTERS_MAX else EXACT_MAX + 1
    if abs(found) > EXACT_MAX:
        raise ValueError("a number is not exact everywhere")
    return found


def _refused(number: str) -> NoReturn:
    raise ValueError(f"{number} is no whole number")


def _is_unicode(value: Any) -> bool:
    """Escapes can write halves of pairs, which are no characters."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _first_repeated(value: Any, repeated: Sequence[tuple[dict[str, Any], str]]) -> str | None:
    names = {id(found): name for found, name in repeated}
    for pointer, one in objects_in(value):
        if id(one) in names:
            return f"{pointer}/{escaped(names[id(one)])}"
    raise AssertionError("an object that another of its name replaced lies in one that has a name twice")


def objects_in(value: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Pointer and members of each object within a value, the outer ones first."""
    if isinstance(value, dict):
        yield pointer, value
        for name, one in value.items():
            yield from objects_in(one, f"{pointer}/{escaped(name)}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from objects_in(one, f"{pointer}/{index}")


def escaped(name: str) -> str:
    """A name as a part of a JSON pointer (RFC 6901), cut off where it is too long to be shown."""
    return shown(name).replace("~", "~0").replace("/", "~1")


def shown(name: str) -> str:
    """A name as it may stand in a message: whoever sent it may have sent anything."""
    cut = name if len(name) <= NAME_SHOWN_MAX else name[:NAME_SHOWN_MAX] + "…"
    return cut.encode(errors="replace").decode()


@lru_cache(NEAREST_KEPT)
def nearest(name: str, known: tuple[str, ...], count: int = 1) -> tuple[str, ...]:
    """Those known names, the nearest first, at most `count`, of which one may have been meant."""
    if len(name) > NAME_SHOWN_MAX:
        return ()
    by_lower = {one.lower(): one for one in known}
    return tuple(by_lower[one] for one in difflib.get_close_matches(name.lower(), by_lower, count, ALIKE))


def did_you_mean(names: Sequence[str]) -> tuple[str, str]:
    """A question to add to a message, in English and Chinese; nothing where no name is near."""
    if not names:
        return "", ""
    return f": did you mean {' or '.join(names)}?", f"：是否应为 {' 或 '.join(names)}？"
