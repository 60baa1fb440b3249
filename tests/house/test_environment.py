"""What makes the environment: lock files, Makefile, .ci/run, the licence."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import parts
from tests.house import rules

LOCKS = ("requirements.lock", "requirements-dev.lock")
TARGETS = ("env", "demo", "test", "check", "bench")
# Of the plain text of the Apache License 2.0, as the Apache Software Foundation publishes it.
APACHE_2_SHA256 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"

LOOSE = [
    ("aiokafka==0.14.0", "no hash"),
    ("aiokafka>=0.14 \\\n    --hash=sha256:aa", "no exact version"),
    ("--extra-index-url somewhere", "an option"),
    ("aiokafka @ file:///tmp/x \\\n    --hash=sha256:aa", "an address"),
]


def lock(name: str) -> str:
    return (rules.ROOT / name).read_text()


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_has_exact_versions_and_hashes_and_no_address(name: str) -> None:
    assert rules.loose_requirements(lock(name)) == []


@pytest.mark.parametrize(("text", "why"), LOOSE, ids=[why for _, why in LOOSE])
def test_a_loose_requirement_is_found(text: str, why: str) -> None:
    sound = "anyio==4.9.0 \\\n    --hash=sha256:bb"
    assert rules.loose_requirements(sound) == []
    assert rules.loose_requirements(f"{sound}\n{text}"), why


def test_the_services_run_on_what_the_tests_ran_on() -> None:
    services, tests = (rules.locked(lock(name)) for name in LOCKS)
    assert {name: tests.get(name) for name in services} == services


def test_all_that_pyproject_asks_for_is_locked_and_the_services_get_no_embedded_stack() -> None:
    services, tests = (set(rules.locked(lock(name))) for name in LOCKS)
    assert rules.wanted(rules.ROOT) <= services
    assert rules.wanted(rules.ROOT, "local", "dev") <= tests
    assert not rules.wanted(rules.ROOT, "local") & services


def test_the_licence_is_the_plain_apache_licence() -> None:
    assert hashlib.sha256((rules.ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2_SHA256


@pytest.mark.parametrize("target", TARGETS)
def test_the_makefile_knows(target: str) -> None:
    assert _make("--dry-run", target, cwd=rules.ROOT).returncode == 0


def test_make_alone_says_what_can_be_made() -> None:
    told = _make(cwd=rules.ROOT).stdout
    assert all(f"make {target} " in told for target in TARGETS)


def test_an_old_python_is_refused_in_plain_words(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    answer = _make("env", f"PYTHON={old}", cwd=_without_environment(tmp_path))
    assert answer.returncode != 0
    assert f"needs Python 3.11 or newer; {old} is Python 3.9.2" in answer.stderr


def test_a_python_that_does_not_exist_is_refused_in_plain_words(tmp_path: Path) -> None:
    answer = _make("env", "PYTHON=python3-of-nowhere", cwd=_without_environment(tmp_path))
    assert answer.returncode != 0
    assert "There is no python3-of-nowhere" in answer.stderr


def test_ci_runs_the_checks_and_the_tests_and_waits_for_nobody() -> None:
    script = rules.ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    steps = [line for line in script.read_text().splitlines() if line.startswith("make ")]
    assert steps == ["make env </dev/null", "make check </dev/null", "make test </dev/null"]
    assert "set -euo pipefail" in script.read_text()


def test_the_parts_of_the_suite_are_all_of_it() -> None:
    configured = tomllib.loads((rules.ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert sorted(path for part in parts.PARTS for path in part) == sorted(configured["testpaths"])


@pytest.mark.parametrize(
    ("waiting", "computing", "told"),
    [
        ("== 5 passed in 20.34s ==", "3 passed, 1 skipped in 1.02s\nsaid later", "8 passed, 1 skipped"),
        (
            "= 1 failed, 4 passed in 99.00s (0:01:39) =",
            "= 2 passed, 1 warning in 1.00s =",
            "1 failed, 6 passed, 1 warning",
        ),
        ("E  died", "= 2 passed, 1 error in 1.00s =", "2 passed, 1 error"),
        ("", "", "no tests ran"),
    ],
)
def test_the_closing_line_of_the_suite_counts_its_parts(waiting: str, computing: str, told: str) -> None:
    line = parts.closing_line([waiting, computing], 125.5)
    assert line.strip("=") == f" {told} in 125.50s (0:02:05) "


def test_what_failed_beside_others_and_passed_alone_counts_as_passed() -> None:
    outputs = ["= 1 failed, 4 passed in 9.00s =", "= 2 passed, 1 error in 1.00s ="]
    assert " 8 passed in " in parts.closing_line(outputs, 10, "= 2 passed in 3.00s =")
    assert " 1 failed, 7 passed in " in parts.closing_line(outputs, 10, "= 1 failed, 1 passed in 3.00s =")


@pytest.mark.parametrize(
    ("statuses", "failures", "tried"),
    [
        ([0, 0, 1], 2, True),
        ([0, 0, 0], 0, False),
        ([0, 1, 1], parts.TRIED_AGAIN_AT_MOST + 1, False),
        ([2, 0, 1], 2, False),
        ([1, 0, 0], 0, False),
    ],
)
def test_a_few_that_failed_are_tried_again_and_a_broken_suite_is_not(
    statuses: list[int], failures: int, tried: bool
) -> None:
    failed = [f"tests/unit/test_any.py::test_{number}" for number in range(failures)]
    assert parts.worth_another_try(statuses, failed) is tried


def test_a_test_that_fails_always_fails_the_suite_and_one_that_recovers_does_not(tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"test_{name}.py").write_text("def test_it(): pass\n")
    starved = tmp_path / "second" / "test_second.py"
    starved.write_text(
        "from pathlib import Path\n"
        "def test_it():\n"
        "    seen = Path(__file__).with_suffix('.seen')\n"
        "    again = seen.exists()\n"
        "    seen.touch()\n"
        "    assert again\n"
    )
    assert _suite(tmp_path) == (0, "3 passed")
    starved.write_text("def test_it(): assert False\n")
    assert _suite(tmp_path) == (1, "1 failed, 2 passed")


def _suite(folder: Path) -> tuple[int, str]:
    of_three = "parts.PARTS = (('first',), ('second',), ('third',))"
    program = f"import sys; from tests import parts; {of_three}; sys.exit(parts.main())"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(rules.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout.splitlines()[-1].strip("= ").partition(" in ")[0]


def test_what_holds_secrets_or_is_made_is_ignored_by_git() -> None:
    ignored = (rules.ROOT / ".gitignore").read_text().splitlines()
    assert {".venv/", ".panda/", ".env", "deploy/secrets/", "__pycache__/"} <= set(ignored)


def _without_environment(folder: Path) -> Path:
    for name in (*LOCKS, "pyproject.toml", "Makefile"):
        shutil.copy(rules.ROOT / name, folder)
    return folder


def _make(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # Under `make check` this is a make within a make, which must not take part in the outer one's jobs.
    env = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    return subprocess.run(["make", *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_every_decision_record_is_numbered_and_listed_with_its_title() -> None:
    folder = rules.ROOT / "docs" / "decisions"
    records = sorted(file for file in folder.glob("*.md") if file.name != "README.md")
    index = (folder / "README.md").read_text()
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for number, record in enumerate(records, start=1):
        title = record.read_text().splitlines()[0].removeprefix(f"# {number}. ")
        assert f"| [{number:04}]({record.name}) | {title} |" in index
