"""What every `Rows` does (pandapack/runtime/documents.py)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pandapack.runtime.documents import Json, Rows

VALUES: Json = {
    "text": "书包",
    "number": 2**53 + 1,
    "share": 0.5,
    "flag": True,
    "nothing": None,
    "bytes": b"\x00\xff",
    "at": datetime(2021, 11, 11, 8, 30, 0, 123_000, tzinfo=UTC),
    "list": [1, {"deep": ["er"]}],
    "by.name": {"a.b/c": 1},
}
"""What rows hold: times to the millisecond, in UTC."""


def parcels() -> list[Json]:
    return [
        {"_id": "a", "weight": 3, "to": {"city": "KHPNH"}, "tags": ["fragile"], "lines": [{"item": "pen", "n": 2}]},
        {"_id": "b", "weight": 1, "to": {"city": "KHSIS"}, "tags": [], "lines": []},
        {"_id": "c", "weight": 2, "to": {"city": "KHPNH"}, "tags": ["wet", "late"], "lines": [{"item": "cup", "n": 9}]},
        {"_id": "d", "to": None},
    ]


async def found(rows: Rows, where: Json, **options: Any) -> list[Any]:
    """The ids of what is found."""
    return [row["_id"] for row in await rows.find(where, **options)]


class RowsSuite:
    """Give it a fixture `rows`: an empty collection."""

    async def test_a_row_comes_back_as_it_was_inserted(self, rows: Rows) -> None:
        assert await rows.insert({"_id": "a", **VALUES})
        assert await rows.one("a") == {"_id": "a", **VALUES}
        assert await rows.one("b") is None

    async def test_a_row_is_inserted_once_and_the_first_stays(self, rows: Rows) -> None:
        assert await rows.insert({"_id": 7, "weight": 1}) is True
        assert await rows.insert({"_id": 7, "weight": 2}) is False
        assert await rows.one(7) == {"_id": 7, "weight": 1}

    async def test_rows_are_inserted_in_order_but_for_those_that_are_there(self, rows: Rows) -> None:
        count = 2_500
        for number in (0, 1, 999, 1_000, 1_001, count - 1):
            await rows.insert({"_id": number, "is_first": True})
        await rows.insert_in_order([{"_id": number, "is_first": False} for number in [*range(count), 5, 5]])
        kept = await rows.find({}, limit=2 * count)
        assert [row["_id"] for row in kept] == list(range(count))
        assert [row["_id"] for row in kept if row["is_first"]] == [0, 1, 999, 1_000, 1_001, count - 1]

    async def test_no_rows_are_inserted_where_none_are_given(self, rows: Rows) -> None:
        await rows.insert_in_order([])
        assert await rows.find({}) == []

    async def test_a_row_is_replaced_where_its_version_still_is_what_was_read(self, rows: Rows) -> None:
        await rows.insert({"_id": "a", "version": 1, "weight": 3})
        assert await rows.replace("a", 1, {"_id": "a", "version": 2, "height": 4}) is True
        assert await rows.replace("a", 1, {"_id": "a", "version": 2, "height": 5}) is False
        assert await rows.one("a") == {"_id": "a", "version": 2, "height": 4}

    async def test_what_is_not_there_is_not_replaced(self, rows: Rows) -> None:
        assert await rows.replace("a", 1, {"_id": "a", "version": 2}) is False
        await rows.insert({"_id": "b", "weight": 3})
        assert await rows.replace("b", 1, {"_id": "b", "version": 2}) is False
        assert await rows.find({}) == [{"_id": "b", "weight": 3}]

    async def test_some_fields_of_a_row_are_set_and_the_others_stay(self, rows: Rows) -> None:
        await rows.insert({"_id": "a", "weight": 3, "to": {"city": "KHPNH", "school": "S1"}})
        assert await rows.set("a", {"to": {"city": "KHSIS"}, "late": True}) is True
        assert await rows.set("a", {"late": True}) is True
        assert await rows.one("a") == {"_id": "a", "weight": 3, "to": {"city": "KHSIS"}, "late": True}
        assert await rows.set("b", {"late": True}) is False
        assert await rows.one("b") is None

    async def test_several_are_read_by_id_and_those_that_are_not_there_are_left_out(self, rows: Rows) -> None:
        await rows.insert_in_order(parcels())
        read = await rows.read(["c", "nowhere", "a", "c"])
        assert read == {row["_id"]: row for row in parcels() if row["_id"] in ("a", "c")}
        assert await rows.read([]) == {}

    async def test_rows_are_found_by_values_that_are_equal(self, rows: Rows) -> None:
        await rows.insert_in_order(parcels())
        assert await found(rows, {}) == ["a", "b", "c", "d"]
        assert await found(rows, {"weight": 2}) == ["c"]
        assert await found(rows, {"to.city": "KHPNH"}) == ["a", "c"]
        assert await found(rows, {"to.city": "KHPNH", "weight": 3}) == ["a"]
        assert await found(rows, {"weight": 4}) == []

    async def test_none_is_equal_to_a_field_that_is_missing(self, rows: Rows) -> None:
        await rows.insert_in_order(parcels())
        assert await found(rows, {"weight": None}) == ["d"]
        assert await found(rows, {"to": None}) == ["d"]

    async def test_a_list_is_found_by_each_of_its_elements(self, rows: Rows) -> None:
        await rows.insert_in_order(parcels())
        assert await found(rows, {"tags": "late"}) == ["c"]
        assert await found(rows, {"tags": ["wet", "late"]}) == ["c"]
        assert await found(rows, {"lines.item": "pen"}) == ["a"]

    async def test_rows_are_found_within_bounds(self, rows: Rows) -> None:
        await rows.insert_in_order(parcels())
        assert await found(rows, {"weight": {"$gt": 1}}) == ["a", "c"]
        assert await found(rows, {"weight": {"$gte": 1, "$lt": 3}}) == ["b", "c"]
        assert await found(rows, {"weight": {"$lte": 2}}) == ["b", "c"]
        assert await found(rows, {"_id": {"$gt": "a", "$lt": "c"}}) == ["b"]
        assert await found(rows, {"lines.n": {"$gte": 5}}) == ["c"]

    async def test_what_is_missing_or_of_another_type_is_within_no_bounds(self, rows: Rows) -> None:
        await rows.insert_in_order(parcels())
        assert await found(rows, {"weight": {"$gte": 0}}) == ["a", "b", "c"]
        assert await found(rows, {"weight": {"$gte": ""}}) == []
        assert await found(rows, {"to.city": {"$lt": "~"}}) == ["a", "b", "c"]

    async def test_rows_are_found_by_one_of_several_values(self, rows: Rows) -> None:
        await rows.insert_in_order(parcels())
        assert await found(rows, {"_id": {"$in": ["d", "a", "nowhere"]}}) == ["a", "d"]
        assert await found(rows, {"tags": {"$in": ["wet", "fragile"]}}) == ["a", "c"]
        assert await found(rows, {"lines.item": {"$in": ["cup"]}}) == ["c"]
        assert await found(rows, {"weight": {"$in": []}}) == []

    async def test_what_is_found_is_sorted_by_id_where_nothing_else_is_asked_for(self, rows: Rows) -> None:
        for row in reversed(parcels()):
            await rows.insert(row)
        assert await found(rows, {}) == ["a", "b", "c", "d"]
        assert await found(rows, {}, sort=[("_id", -1)]) == ["d", "c", "b", "a"]

    async def test_what_is_found_is_sorted_by_several_fields_and_what_is_missing_comes_first(self, rows: Rows) -> None:
        await rows.insert_in_order(parcels())
        assert await found(rows, {}, sort=[("weight", 1)]) == ["d", "b", "c", "a"]
        assert await found(rows, {}, sort=[("weight", -1)]) == ["a", "c", "b", "d"]
        assert await found(rows, {"weight": {"$gt": 0}}, sort=[("to.city", 1), ("weight", 1)]) == ["c", "a", "b"]
        assert await found(rows, {"weight": {"$gt": 0}}, sort=[("to.city", -1), ("_id", -1)]) == ["b", "c", "a"]

    async def test_no_more_are_found_than_were_asked_for(self, rows: Rows) -> None:
        await rows.insert_in_order(parcels())
        assert await found(rows, {}, limit=2) == ["a", "b"]
        assert await found(rows, {}, sort=[("_id", -1)], limit=1) == ["d"]

    async def test_only_those_fields_come_back_that_were_asked_for_and_the_id(self, rows: Rows) -> None:
        await rows.insert_in_order(parcels())
        assert await rows.find({"tags": "wet"}, fields={"weight": 1, "to": 1}) == [
            {"_id": "c", "weight": 2, "to": {"city": "KHPNH"}}
        ]
        assert await rows.find({"to": None}, fields={"weight": 1}) == [{"_id": "d"}]
        assert await rows.find({}, fields={"_id": 1}, limit=2) == [{"_id": "a"}, {"_id": "b"}]

    async def test_what_comes_back_is_a_copy(self, rows: Rows) -> None:
        (row, *_) = given = parcels()
        await rows.insert_in_order(given)
        row["tags"].append("changed")
        one, read, (listed, *_) = await rows.one("a"), await rows.read(["a"]), await rows.find({})
        assert one is not None
        for copy in (one, read["a"], listed):
            copy["tags"].append("changed")
        assert await rows.one("a") == parcels()[0]
