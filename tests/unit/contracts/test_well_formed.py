"""Entries are read as strictly as the published schemas say, without a library for these."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.public_log.schemas import schemas
from pandapack.contracts.public_log.well_formed import WORDS, EntryForms, EntryOrder, Unfit, read_entry
from tests.unit.contracts.public_log_samples import SAMPLES, TYPES, sample_of, written

FORMS = EntryForms()


def words_of(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return {word for one in schema for word in words_of(one)}
    if not isinstance(schema, dict):
        return set()
    inner = {word for name, one in schema.items() if name != "properties" for word in words_of(one)}
    fields = {word for one in schema.get("properties", {}).values() for word in words_of(one)}
    return set(schema) | inner | fields


def test_the_schemas_use_no_word_that_is_not_known_here() -> None:
    assert words_of(list(schemas().values())) <= WORDS


@pytest.mark.parametrize("type", sorted(TYPES))
def test_a_golden_entry_is_well_formed_and_follows(type: str) -> None:
    entry = read_entry((SAMPLES / f"{type}.json").read_bytes().rstrip(b"\n"))
    FORMS.check(entry)


@cache
def published(type: str) -> Any:
    """What the published schema of a type says of entries."""
    return jsonschema_rs.validator_for(schemas()[type], validate_formats=True)


STRANGE: tuple[Any, ...] = (None, True, 0, -1, 10**19, "", "x", "2021-03-01", "2021-3-1", [], {}, ["x"], {"x": 1}, 1.5)


@given(st.sampled_from(sorted(TYPES)), st.sampled_from(STRANGE), st.data())
def test_what_the_published_schema_refuses_is_refused_and_nothing_else(
    type: str, strange: Any, data: st.DataObject
) -> None:
    [raw] = written(sample_of(type))
    entry = json.loads(raw)
    place: Any = entry
    for _ in range(data.draw(st.integers(0, 2))):
        inner = [one for one in (place.values() if isinstance(place, dict) else place) if one and _is_tree(one)]
        place = data.draw(st.sampled_from(inner)) if inner else place
    keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
    key = data.draw(st.sampled_from([*keys, "extra"] if isinstance(place, dict) else keys))
    if data.draw(st.booleans()):
        place[key] = strange
    elif isinstance(place, dict):
        place.pop(key, None)
    is_valid = published(type).is_valid(entry)
    if entry.get("type") != type or entry.get("v") != 1:
        return  # another schema's business, or none's
    try:
        FORMS.check(entry)
    except Unfit:
        assert not is_valid, entry
    else:
        assert is_valid, entry


def _is_tree(value: Any) -> bool:
    return isinstance(value, dict | list)


@pytest.mark.parametrize(
    "raw", [b"", b"x", b"[]", b"1", b'{"b":1,"a":2}', b'{"a":1,"a":2}', b'{"a": 1}', b'{"a":1}\n', b'{"a":"\\u0062"}']
)
def test_another_spelling_is_no_entry(raw: bytes) -> None:
    with pytest.raises(Unfit):
        read_entry(raw)


def test_a_type_of_a_release_to_come_has_a_head() -> None:
    [raw] = written(sample_of("procurement.FundCredited"))
    entry = {**json.loads(raw), "type": "mars.Landed"}
    FORMS.check(entry)
    del entry["hash"]
    with pytest.raises(Unfit, match="hash"):
        FORMS.check(entry)


def entry(sequence: int, **more: Any) -> dict[str, Any]:
    return {"at": "2021-03-01T00:00:00Z", "source": "/a", "type": "t", "sequence": sequence, **more}


@pytest.mark.parametrize(
    ("before", "then", "why"),
    [
        ([entry(2)], entry(2), "and of 2 before"),
        ([entry(5)], entry(7, first_sequence=5), "and of 5 before"),
        ([entry(1)], entry(2, at="2020-12-31T00:00:00Z"), "was appended at"),
        ([], entry(1, part=2, parts=3), "no part stands before it"),
        ([entry(1, part=1, parts=3)], entry(1, part=3, parts=3), "part 2 of 3"),
        ([entry(1, part=1, parts=2)], entry(2), "part 2 of 2"),
    ],
)
def test_an_entry_that_cannot_stand_there_is_named(
    before: list[dict[str, Any]], then: dict[str, Any], why: str
) -> None:
    order = EntryOrder()
    for one in before:
        order.check(one)
    with pytest.raises(Unfit, match=why):
        order.check(then)


def test_parts_and_runs_follow_each_other() -> None:
    order = EntryOrder()
    for one in (entry(3, first_sequence=1), entry(4, part=1, parts=2), entry(4, part=2, parts=2), entry(9)):
        order.check(one)
