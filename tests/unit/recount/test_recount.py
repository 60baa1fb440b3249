"""A recount proves its entries before it counts them, goes on where it was ended, and names what does not follow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pandapack.cli.main import app
from pandapack.contracts.tlog.note import SignerKey
from pandapack.recount.fetching import ENTRIES_A_FILE, Folder, NotProven, NotThere
from pandapack.recount.run import Recounted, recounted
from tests.unit.contracts.test_public_fold import FINISHED
from tests.unit.recount.served import SIGNER, Served, files_of, write

KEY = SIGNER.verifier
QUIET = FINISHED[0]  # what fills a log up to any length


def silent(done: int, total: int) -> None:
    pass


def recount(served: Served, folder: Path, size: int | None = None) -> Recounted:
    return recounted(served.address(folder), KEY, size, silent)


@pytest.mark.parametrize("size", [None, 0, 1, 40, len(FINISHED)])
def test_all_figures_of_the_page_follow_from_the_entries(tmp_path: Path, size: int | None) -> None:
    found = recount(Served(FINISHED), tmp_path, size)
    assert found.comparison is not None and found.comparison.differences == []
    assert found.comparison.figures > 30 and found.size == (len(FINISHED) if size is None else size)


def test_a_falsified_figure_is_named(tmp_path: Path) -> None:
    served = Served(FINISHED)
    served.falsified = {"spent_fen": 1}
    comparison = recount(served, tmp_path).comparison
    assert comparison is not None
    assert [str(one) for one in comparison.differences] == ["totals spent_fen: recounted 1940, shown 1"]


@pytest.mark.parametrize("size", [len(FINISHED), 30])
def test_a_changed_entry_is_not_proven_and_named(tmp_path: Path, size: int) -> None:
    served = Served(FINISHED)
    served.entries[7] = served.entries[7].replace(b'"v":1', b'"v":2')
    with pytest.raises(NotProven, match="entry 7 is not the one of its tile"):
        recount(served, tmp_path, size)


@pytest.mark.parametrize("change", ["removed", "inserted", "swapped"])
def test_entries_that_are_others_are_not_proven(tmp_path: Path, change: str) -> None:
    entries = list(FINISHED)
    if change == "removed":
        del entries[5]
    elif change == "inserted":
        entries.insert(5, QUIET)
    else:
        entries[5], entries[6] = entries[6], entries[5]
    with pytest.raises(NotProven):
        recount(Served(entries, files_of(FINISHED)), tmp_path)


def test_a_checkpoint_that_another_key_signed_is_not_believed(tmp_path: Path) -> None:
    stranger = SignerKey(SIGNER.name, b"\x08" * 32)
    with pytest.raises(NotProven, match="no trusted key"):
        recount(Served(FINISHED, files_of(FINISHED, stranger)), tmp_path)


def test_more_entries_than_are_signed_are_not_counted(tmp_path: Path) -> None:
    with pytest.raises(NotProven, match="and not 999"):
        recount(Served(FINISHED), tmp_path, 999)


def test_a_later_start_fetches_only_what_is_not_there_yet(tmp_path: Path) -> None:
    entries = [QUIET] * (ENTRIES_A_FILE + 10)
    recount(first := Served(entries), tmp_path)
    assert first.asked == [(0, ENTRIES_A_FILE), (ENTRIES_A_FILE, len(entries))]
    recount(again := Served(entries), tmp_path)
    assert again.asked == []
    recount(grown := Served([*entries, QUIET]), tmp_path)
    assert grown.asked == [(ENTRIES_A_FILE, len(entries) + 1)]


def test_entries_that_an_earlier_start_saw_otherwise_are_told_of_as_a_fork(tmp_path: Path) -> None:
    recount(Served([QUIET] * 5), tmp_path / "kept")
    with pytest.raises(NotProven, match=r"entry 1 is not .* forked or begun anew; remove .*kept"):
        recount(Served(FINISHED[:5]), tmp_path / "kept")


def test_signed_entries_that_are_no_json_are_not_counted(tmp_path: Path) -> None:
    with pytest.raises(NotProven, match="cannot be counted"):
        recount(Served([*FINISHED[:5], b"no entry"]), tmp_path)


def test_a_service_that_answers_something_else_is_told_of(tmp_path: Path) -> None:
    served = Served(FINISHED)
    served.files["v1/conservation"] = b'{"status": "a page of a proxy"}'
    with pytest.raises(NotThere, match="with figures"):
        recount(served, tmp_path)
    served.files["v1/conservation"] = b"<html>"
    with pytest.raises(NotThere, match="no JSON"):
        recount(served, tmp_path)


def test_a_mirror_is_recounted_from_its_folder(tmp_path: Path) -> None:
    found = recounted(Folder(write(tmp_path, files_of(FINISHED))), KEY, None, silent)
    assert (found.figures.totals["spent_fen"], found.comparison) == (1940, None)
    (tmp_path / "log/entries/000000000.ndjson").unlink()
    with pytest.raises(NotThere, match="panda mirror"):
        recounted(Folder(tmp_path), KEY, None, silent)


def test_the_command_shows_the_figures_of_a_folder(tmp_path: Path) -> None:
    folder = write(tmp_path, files_of(FINISHED))
    done = CliRunner().invoke(app, ["recount", str(folder), "--key", KEY.text])
    assert done.exit_code == 0, done.output
    assert f"the first {len(FINISHED)} entries" in done.output and "1940" in done.output
    told = CliRunner().invoke(app, ["recount", str(folder), "--json", "--size", "30"])
    found = json.loads(told.stdout)
    assert (found["size"], found["origin"]) == (30, SIGNER.name)
    assert found["recounted"]["totals"]["rounds"] == 1 and "compared" not in found
    assert f"--key '{KEY.text}'" in told.stderr


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [(["--key", "nothing"], 2, "no verifier key"), (["--size", "999"], 1, "NOT proven")],
)
def test_the_command_says_what_is_wrong(tmp_path: Path, options: list[str], status: int, told: str) -> None:
    folder = write(tmp_path, files_of(FINISHED))
    done = CliRunner().invoke(app, ["recount", str(folder), *options])
    assert (done.exit_code, told in done.output) == (status, True), done.output
    assert CliRunner().invoke(app, ["recount", str(tmp_path / "none")]).exit_code == 2
