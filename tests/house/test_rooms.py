"""The four services look alike, are known to the checks, and nothing grows past what one can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import rules
from tests.house.retired import is_retired, retired_names


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


def test_no_retired_name_has_come_back() -> None:
    assert retired_names(rules.ROOT) == []


@pytest.mark.parametrize("room", [*rules.ROOMS, *rules.EACH_SERVICE])
def test_a_missing_room_is_found(house: Path, room: str) -> None:
    home = house / "services" / "logistics"
    (home / f"{room}.py").unlink(missing_ok=True)
    for file in (home / room).glob("*"):
        file.unlink()
    assert rules.missing_rooms(house) == [f"services/logistics/{room}"]


def test_a_feature_without_a_domain_is_found(house: Path) -> None:
    (house / "services/donations/proofs/domain/__init__.py").unlink()
    assert rules.missing_rooms(house) == ["services/donations/proofs/domain"]


def test_a_service_that_does_not_say_what_it_does_is_found(house: Path) -> None:
    (house / "services/logistics/__init__.py").write_text('"""Consumes: much. Publishes: little."""\n')
    assert rules.missing_rooms(house) == ["services/logistics/__init__.py does not say: Decides"]


def test_a_fifth_service_that_nobody_declared_is_found(house: Path) -> None:
    (house / "services" / "schools").mkdir()
    assert rules.undeclared_services(house) == ["schools in independent", "schools in rooms", "schools in pure"]
    assert "services/schools/app" in rules.missing_rooms(house)


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
    _plant(house, f"services/logistics/domain/{name}", "")
    assert rules.nameless_modules(house) == [f"services/logistics/domain/{name}"]


def test_chance_without_a_seed_is_found(house: Path) -> None:
    _plant(house, "simulator/planted.py", "import random\n\ndice = random.Random(7)\nluck = random.Random()\n")
    assert rules.unseeded_chance(house) == ["simulator/planted.py:4"]


def _plant(house: Path, path: str, text: str) -> None:
    (house / path).parent.mkdir(parents=True, exist_ok=True)
    (house / path).write_text(text)


RETIRED = [
    ("pandapack/planted.py", "def line_of(merchant): ...\n", "line_of"),
    ("pandapack/planted.py", "from store import Hearing\n", "Hearing"),
    ("services/planted.py", 'FIELD = "outbox"\nOLD = "saying"\n', "saying"),
    ("services/planted.py", 'PATH = "state.heard_fen"\n', "heard_fen"),
    ("services/planted.py", 'TEXT = f"as {told.gift} was"\n', "gift"),
    ("services/planted.py", 'ROUTE = "/v1/gifts/{merchant}"\n', "gifts"),
    ("docs/planted.md", "Set `PANDA_LINES` to 8.\n", "PANDA_LINES"),
    ("docs/planted.md", "    panda line list\n", "panda line"),
    ("deploy/planted.yml", "expr: panda_events_said_total\n", "panda_events_said"),
]


@pytest.mark.parametrize(("path", "text", "name"), RETIRED)
def test_a_retired_name_that_comes_back_is_found(house: Path, path: str, text: str, name: str) -> None:
    _plant(house, path, text)
    assert [found.partition(":")[0] for found in retired_names(house)] == [path]
    assert retired_names(house)[0].endswith(f" {name}")


def test_prose_is_free(house: Path) -> None:
    _plant(
        house, "services/planted.py", '"""A gift, as it was said and heard, beside a line of text."""\n# He says so.\n'
    )
    assert retired_names(house) == []


@pytest.mark.parametrize("name", ["outbox", "shard_of", "stretched", "dead_letters", "Counter", "readline"])
def test_a_name_that_only_looks_like_a_retired_one_stays(name: str) -> None:
    assert not is_retired(name)
