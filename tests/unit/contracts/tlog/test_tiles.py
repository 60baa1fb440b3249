"""Paths, tiles and bundles as tlog-tiles describes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.tiles import (
    ENTRY_BYTES_MAX,
    INDEX_MAX,
    LEVEL_MAX,
    PATH_CHARACTERS_MAX,
    WIDTH,
    Bundle,
    Tile,
    bundle_bytes,
    bundle_entries,
    bundles_of,
    parse_path,
    tiles_of,
)

GOLDEN = {
    "tile/0/000": Tile(0, 0),
    "tile/0/x001/x234/067": Tile(0, 1_234_067),
    "tile/1/x001/000.p/17": Tile(1, 1_000, 17),
    "tile/63/999.p/255": Tile(63, 999, 255),
    "tile/entries/x001/x234/067": Bundle(1_234_067),
    "tile/entries/273.p/112": Bundle(273, 112),
}
INDEXES = st.one_of(st.integers(0, INDEX_MAX), st.integers(0, 2_000))
WIDTHS = st.integers(1, WIDTH)
PLACES = st.one_of(st.builds(Tile, st.integers(0, LEVEL_MAX), INDEXES, WIDTHS), st.builds(Bundle, INDEXES, WIDTHS))


@pytest.mark.parametrize("path", GOLDEN)
def test_a_path_is_written_as_the_specification_writes_it(path: str) -> None:
    assert GOLDEN[path].path == path
    assert parse_path(path) == GOLDEN[path]


@given(PLACES)
def test_every_path_leads_back(place: Tile | Bundle) -> None:
    assert parse_path(place.path) == place
    assert len(place.path) <= PATH_CHARACTERS_MAX


@pytest.mark.parametrize(
    "path",
    [
        "", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/0/x000/001", "tile/0/001/002", "tile/0/x001",
        "tile/00/000", "tile/64/000", "tile/-1/000", "tile/+1/000", "tile/8/0/000", "tile/0/000.p/0",
        "tile/0/000.p/256", "tile/0/000.p/257", "tile/0/000.p/999",
        "tile/0/000.p/08", "tile/0/000.p/", "tile/0/000.p", "tile/0/000/", "/tile/0/000",
        "tile/0/000\n", "tile/0/\u0660\u0660\u0660", "tile/data/000", "Tile/0/000", "tile/0/X001/000",
        "tile/entries/x000/000", "tile/0/../0/000", "tile/0/" + "x999/" * 6 + "999", "tile/0/" + "x001/" * 60 + "000",
        f"tile/0/x036/x028/x797/x018/x963/{INDEX_MAX % 1000 + 1:03d}",
    ],
)  # fmt: skip
def test_any_other_path_is_refused(path: str) -> None:
    with pytest.raises(Malformed):
        parse_path(path)


@given(st.text("tile/entrsx.p0123456789", max_size=30))
def test_what_is_taken_is_written_so(path: str) -> None:
    try:
        assert parse_path(path).path == path
    except Malformed:
        assert re.fullmatch(r"tile/([0-9]|entries)/[0-9]{3}", path) is None


def test_a_tree_of_70_000_has_the_tiles_of_the_specifications_example() -> None:
    tiles = list(tiles_of(70_000))
    assert [tile.path for tile in tiles if tile.width < WIDTH] == [
        "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"
    ]  # fmt: skip
    assert [sum(1 for tile in tiles if tile.level == level and tile.width == WIDTH) for level in range(3)] == [
        273,
        1,
        0,
    ]
    assert [tile.path for tile in tiles_of(256)] == ["tile/0/000", "tile/1/000.p/1"]
    assert list(tiles_of(0)) == []


def test_the_bundles_of_a_range_hold_it() -> None:
    assert list(bundles_of(0, 0)) == list(bundles_of(5, 5)) == []
    assert list(bundles_of(0, 256)) == [Bundle(0)]
    assert list(bundles_of(255, 513)) == [Bundle(0), Bundle(1), Bundle(2, 1)]
    assert list(bundles_of(600, 601)) == [Bundle(2, 89)]


def test_a_bundle_has_each_entry_behind_its_length() -> None:
    assert bundle_bytes([b"", b"abc"]) == b"\0\0\0\3abc"
    longest = b"x" * ENTRY_BYTES_MAX
    assert bundle_bytes([longest]) == b"\xff\xff" + longest


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=WIDTH))
def test_a_bundle_gives_its_entries_back(entries: list[bytes]) -> None:
    assert bundle_entries(bundle_bytes(entries), len(entries)) == entries


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=20), st.data())
def test_a_bundle_of_another_length_is_refused(entries: list[bytes], data: st.DataObject) -> None:
    raw = bundle_bytes(entries)
    cut = data.draw(st.integers(0, len(raw) - 1))
    for wrong, why in ((raw[:cut], "ends within|has"), (raw + b"\0", "ends within"), (raw + b"\0\0", "has more")):
        with pytest.raises(Malformed, match=why):
            bundle_entries(wrong, len(entries))


@pytest.mark.parametrize("entries", [[], [b""] * (WIDTH + 1), [b"x" * (ENTRY_BYTES_MAX + 1)]])
def test_no_bundle_is_made_that_could_not_be_read(entries: list[bytes]) -> None:
    with pytest.raises(AssertionError):
        bundle_bytes(entries)
