"""The four services look alike, are known to the checks, and nothing grows past what one can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import rules


def test_every_service_has_all_rooms() -> None:
    assert rules.missing_rooms(rules.ROOT) == []


def test_every_service_is_named_in_the_contracts_of_import_linter() -> None:
    assert rules.undeclared_services(rules.ROOT) == []


def test_no_file_is_too_long() -> None:
    assert rules.long_files(rules.ROOT) == []


def test_no_function_is_too_long() -> None:
    assert rules.long_functions(rules.ROOT) == []


def test_no_module_is_named_for_nothing() -> None:
    assert rules.nameless_modules(rules.ROOT) == []


def test_no_chance_is_without_a_seed() -> None:
    assert rules.unseeded_chance(rules.ROOT) == []


@pytest.mark.parametrize("room", rules.ROOMS)
def test_a_missing_room_is_found(house: Path, room: str) -> None:
    home = house / "services" / "logistics"
    (home / f"{room}.py").unlink(missing_ok=True)
    for file in (home / room).glob("*"):
        file.unlink()
    assert rules.missing_rooms(house) == [f"services/logistics/{room}"]


def test_a_service_that_does_not_say_what_it_does_is_found(house: Path) -> None:
    (house / "services/logistics/__init__.py").write_text('"""Hears: much. Says: little."""\n')
    assert rules.missing_rooms(house) == ["services/logistics/__init__.py does not say: Decides"]


def test_a_fifth_service_that_nobody_declared_is_found(house: Path) -> None:
    (house / "services" / "gifts").mkdir()
    assert rules.undeclared_services(house) == ["gifts in independent", "gifts in rooms", "gifts in pure"]
    assert "services/gifts/app" in rules.missing_rooms(house)


def test_a_declared_service_that_does_not_exist_is_found(house: Path) -> None:
    (house / "services" / "reporting").rename(house / "reporting-that-was")
    assert "reporting in rooms" in rules.undeclared_services(house)


def test_a_long_file_is_found(house: Path) -> None:
    _plant(house, "pandapack/planted.py", "x = 1\n" * (rules.FILE_LINES_MAX + 1))
    assert rules.long_files(house) == ["pandapack/planted.py: 400 lines"]


def test_a_long_function_is_found_and_not_blamed_on_the_one_around_it(house: Path) -> None:
    inner = "    def inner() -> None:\n" + "        print()\n" * rules.FUNCTION_LINES_MAX
    _plant(house, "simulator/planted.py", f"def outer() -> None:\n{inner}    inner()\n")
    assert rules.long_functions(house) == ["simulator/planted.py:2 inner: 70 lines"]


@pytest.mark.parametrize("name", ["utils.py", "helpers/parcels.py", "_common.py"])
def test_a_name_that_says_nothing_is_found(house: Path, name: str) -> None:
    _plant(house, f"services/donations/domain/{name}", "")
    assert rules.nameless_modules(house) == [f"services/donations/domain/{name}"]


def test_chance_without_a_seed_is_found(house: Path) -> None:
    _plant(house, "simulator/planted.py", "import random\n\ndice = random.Random(7)\nluck = random.Random()\n")
    assert rules.unseeded_chance(house) == ["simulator/planted.py:4"]


def _plant(house: Path, path: str, text: str) -> None:
    (house / path).parent.mkdir(parents=True, exist_ok=True)
    (house / path).write_text(text)
