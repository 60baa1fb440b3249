"""Whether an entry of the log is written as `docs/log` says: its form, its schema, and its place behind the others.

The schemas use few words of JSON Schema, and this knows exactly those: a reader of the log needs no library for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

import msgspec

from pandapack.contracts.public_log.entries import HEAD_FIELDS, OPTIONAL_HEAD_FIELDS, VERSION
from pandapack.contracts.public_log.forms import Json
from pandapack.contracts.public_log.schemas import schemas

PAGE_SEALED = "donations.PageSealed"
SET_ASIDE = "reporting.EventSetAside"
"""Stands in the place of an event that an operator passed over; `event_type` says of which type it is."""
SHOWN_MAX = 80
"""So much of a strange value stands in a message."""

_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder()
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)

_ROOT = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Unfit(ValueError):
    """An entry is not as it must be: the message says where and why."""


def read_entry(raw: bytes) -> Json:
    """The entry's fields. Raises Unfit where it is no canonical JSON: another spelling of it would be another leaf."""
    try:
        found = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unfit(f"it is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Unfit("it is no JSON object")
    if _encoder.encode(found) != raw:
        raise Unfit("it is no canonical JSON: names are sorted, stand once, and there are no spaces")
    return found


@cache
def _known_schemas() -> dict[str, Json]:
    """They are derived once: that takes longer than reading hundreds of entries."""
    return schemas()


class EntryForms:
    """The schemas of all types. A type that this release does not know has its head and nothing else that is known."""

    def __init__(self) -> None:
        self._schemas = _known_schemas()
        self._head = {"properties": next(iter(self._schemas.values()))["properties"], "required": HEAD_FIELDS}

    def check(self, entry: Json) -> None:
        """Raises Unfit."""
        if entry.get("v") != VERSION:
            raise Unfit(f"v is {_shown(entry.get('v'))}, and this reads {VERSION}")
        schema = self._schemas.get(str(entry.get("type")))
        if schema is not None:
            _check(schema, entry, "the entry")
            return
        names = (*HEAD_FIELDS, *OPTIONAL_HEAD_FIELDS)
        head = {name: value for name, value in self._head["properties"].items() if name in names and name != "type"}
        _check({"properties": head | {"type": {"type": "string"}}, "required": list(HEAD_FIELDS)}, entry, "the entry")


class EntryOrder:
    """What follows what: time, numbers, parts, pages. Fed with every entry of the log, in its order."""

    def __init__(self) -> None:
        self._at = ""
        self._numbers: dict[tuple[str, str], int] = {}
        self._part: tuple[str, str, int, int, int] | None = None
        self._pages: dict[str, int] = {}

    def check(self, entry: Json) -> None:
        """Raises Unfit where the entry cannot stand here."""
        if entry["at"] < self._at:
            raise Unfit(f"it was appended at {entry['at']}, before the entry that it stands behind ({self._at})")
        self._at = entry["at"]
        if self._is_next_part(entry):
            return
        key, last = (entry["source"], entry["type"]), int(entry["sequence"])
        first, before = int(entry.get("first_sequence", last)), self._numbers.get(key, 0)
        if not before < first <= last:
            raise Unfit(f"{key[0]} tells of {key[1]} {first} to {last}, and of {before} before")
        self._numbers[key] = last
        if entry["type"] == PAGE_SEALED:
            self._check_page(entry)
        elif entry["type"] == SET_ASIDE and entry.get("event_type") == PAGE_SEALED:
            self._pages[entry["source"]] = last

    def _is_next_part(self, entry: Json) -> bool:
        """Whether the entry goes on where the one before broke off. Raises Unfit where it should, and does not."""
        part, parts = entry.get("part", 1), entry.get("parts", 1)
        own = (entry["source"], entry["type"], entry["sequence"])
        expected = self._part
        self._part = (*own, part + 1, parts) if part < parts else None
        if expected is not None and (*own, part, parts) != expected:
            raise Unfit(f"part {expected[3]} of {expected[4]} of {expected[1]} of {expected[0]} should stand here")
        if expected is None and part != 1:
            raise Unfit(f"it is part {part} of {parts}, and no part stands before it")
        return expected is not None

    def _check_page(self, entry: Json) -> None:
        """Each page of a shard is sealed once, and they are sealed in order."""
        shard, page, number = entry.get("shard"), entry.get("page"), entry["sequence"]
        due = self._pages.get(entry["source"], 0)
        if page != due or number != due + 1:
            raise Unfit(f"shard {shard} seals page {page} as its event {number}, and page {due} is next")
        if _ROOT.fullmatch(str(entry.get("root"))) is None:
            raise Unfit(f"the root of page {page} of shard {shard} is {_shown(entry.get('root'))}, no SHA-256 in hex")
        self._pages[entry["source"]] = number


def _check(schema: Mapping[str, Any], value: Any, where: str) -> None:
    for word, expected in schema.items():
        if word in _WORDS:
            _WORDS[word](expected, value, where, schema)


def _is_of(type: str, value: Any) -> bool:
    match type:
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case "null":
            return value is None
        case _:
            raise AssertionError(f"the schemas have no {type}")


def _type(expected: Any, value: Any, where: str, _: Mapping[str, Any]) -> None:
    types = expected if isinstance(expected, list) else [expected]
    if not any(_is_of(one, value) for one in types):
        raise Unfit(f"{where} is {_shown(value)}, no {' or '.join(types)}")


def _const(expected: Any, value: Any, where: str, _: Mapping[str, Any]) -> None:
    if value != expected or type(value) is not type(expected):
        raise Unfit(f"{where} is {_shown(value)}, not {expected}")


def _enum(expected: Any, value: Any, where: str, _: Mapping[str, Any]) -> None:
    if value not in expected:
        raise Unfit(f"{where} is {_shown(value)}, none of {', '.join(map(str, expected))}")


def _minimum(expected: Any, value: Any, where: str, _: Mapping[str, Any]) -> None:
    if isinstance(value, int) and value < expected:
        raise Unfit(f"{where} is {_shown(value)}, below {expected}")


def _pattern(expected: Any, value: Any, where: str, _: Mapping[str, Any]) -> None:
    if isinstance(value, str) and (re.search(expected, value) is None or value.endswith("\n")):
        raise Unfit(f"{where} is {_shown(value)}, not of the form {expected}")


def _format(expected: Any, value: Any, where: str, _: Mapping[str, Any]) -> None:
    if not isinstance(value, str):
        return
    try:
        if expected == "date":
            is_one = date.fromisoformat(value).isoformat() == value
        else:
            is_one = _TIME.fullmatch(value) is not None and bool(datetime.fromisoformat(value))
    except ValueError:
        is_one = False
    if not is_one:
        raise Unfit(f"{where} is {_shown(value)}, no {expected}")


def _required(expected: Any, value: Any, where: str, _: Mapping[str, Any]) -> None:
    missing = [name for name in expected if isinstance(value, dict) and name not in value]
    if missing:
        raise Unfit(f"{where} has no {', '.join(missing)}")


def _any_of(expected: Any, value: Any, where: str, _: Mapping[str, Any]) -> None:
    for last, schema in enumerate(expected, 1):
        try:
            _check(schema, value, where)
        except Unfit:
            if last == len(expected):
                raise
        else:
            return


def _items(expected: Any, value: Any, where: str, _: Mapping[str, Any]) -> None:
    for number, one in enumerate(value if isinstance(value, list) else ()):
        _check(expected, one, f"{where}[{number}]")


def _properties(expected: Any, value: Any, where: str, _: Mapping[str, Any]) -> None:
    for name in expected if isinstance(value, dict) else ():
        if name in value:
            _check(expected[name], value[name], name if where == "the entry" else f"{where}.{name}")


def _additional(expected: Any, value: Any, where: str, schema: Mapping[str, Any]) -> None:
    if not isinstance(value, dict):
        return
    for name in value.keys() - schema.get("properties", {}).keys():
        if expected is False:
            raise Unfit(f"{where} has {name}, which is not public")
        if isinstance(expected, dict):
            _check(expected, value[name], f"{where}.{name}")


def _names(expected: Any, value: Any, where: str, _: Mapping[str, Any]) -> None:
    for name in value if isinstance(value, dict) else ():
        _check(expected, name, f"the name {name} in {where}")


_WORDS: Mapping[str, Callable[[Any, Any, str, Mapping[str, Any]], None]] = {
    "type": _type,
    "const": _const,
    "enum": _enum,
    "minimum": _minimum,
    "pattern": _pattern,
    "format": _format,
    "required": _required,
    "anyOf": _any_of,
    "items": _items,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
}
WORDS = frozenset(_WORDS) | {"$schema", "title"}
"""All words of JSON Schema that the schemas may use; a test holds them to it."""


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
