"""The JSON Schema (2020-12) of each type of entry, derived from the forms and the events themselves."""

from __future__ import annotations

from typing import Any

from pandapack.contracts.envelope import Event
from pandapack.contracts.public_log.entries import HEAD_FIELDS, VERSION
from pandapack.contracts.public_log.forms import DAY, FORMS, TEXT, Form, Json
from pandapack.contracts.public_log.set_aside import EVENT_SET_ASIDE
from pandapack.contracts.public_log.set_aside import FIELDS as OF_SET_ASIDE
from pandapack.contracts.public_log.sums import SUMMED

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NUMBER: Json = {"type": "integer", "minimum": 1}


def schemas() -> dict[str, Json]:
    """Type → the schema of its entries."""
    found = {event.TYPE: _schema(event.TYPE, *_fields_of(event, form)) for event, form in FORMS.items()}
    found[EVENT_SET_ASIDE] = _schema(EVENT_SET_ASIDE, OF_SET_ASIDE, sorted(OF_SET_ASIDE))
    return found | {event.TYPE: _schema(event.TYPE, fields, sorted(fields)) for event, fields in SUMMED.items()}


def _schema(type: str, fields: Json, required: list[str]) -> Json:
    head: Json = {
        "v": {"const": VERSION},
        "type": {"const": type},
        "at": {"type": "string", "format": "date-time"},
        "on": DAY,
        "source": TEXT,
        "sequence": NUMBER,
        "first_sequence": NUMBER,
        "hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "part": NUMBER,
        "parts": NUMBER,
    }
    return {
        "$schema": DIALECT,
        "title": type,
        "type": "object",
        "properties": head | fields,
        "required": sorted(HEAD_FIELDS),
        "anyOf": [{"required": ["part", "parts"]}, {"required": required}],
        "additionalProperties": False,
    }


def _fields_of(event: type[Event], form: Form) -> tuple[Json, list[str]]:
    """The entry's own fields, and those that it has at any rate."""
    model = event.model_json_schema()
    fields = {name: _inlined(model["properties"][name], model.get("$defs", {})) for name in form.shown}
    fields |= {derived.name: derived.schema for derived in form.derived}
    optional = {derived.name for derived in form.derived if derived.is_optional}
    return fields, sorted(fields.keys() - optional)


def _inlined(schema: Any, defs: Json) -> Any:
    """A field's schema with its definitions in place, and without words that say nothing of its form."""
    if isinstance(schema, list):
        return [_inlined(one, defs) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(defs[schema["$ref"].rpartition("/")[2]], defs)
    dropped = ("title", "description", "default")
    kept = {name: value for name, value in schema.items() if name not in dropped or isinstance(value, dict)}
    found = {name: _inlined(value, defs) for name, value in kept.items()}
    if found.get("type") == "object" and "properties" in found:
        found["additionalProperties"] = False
    return found
