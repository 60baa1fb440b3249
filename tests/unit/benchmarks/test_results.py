"""The table and `RESULTS.md` show what was measured, and judge it by the targets."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.results import FIGURES, markdown, table, verdict
from benchmarks.runner import FIGURES as NAMES

MACHINE = {"system": "Linux", "processor": "a processor", "cores": 2, "memory_gib": 8.0, "python": "3.11.7"}
EMPTY: dict[str, Any] = {**dict.fromkeys(NAMES), "at": "2026-11-25T03:00:00+00:00", "machine": MACHINE}
BIG = {
    "donations": 100_000_000,
    "days": 1,
    "per_s": 310_000,
    "step": 10_000_000,
    "per_s_by_step": [320_000, 300_000],
    "last_step_of_first": 0.938,
    "memory_mib_max": {"kafka": 700, "donations": 512},
    "disk_bytes": {"kafka": 5 * 2**30, "mongod": 2**30},
    "bytes_per_donation": 9.1,
    "trace": {"trace_ms_p50": 4.0},
    "trace_ms_p99": 9.5,
}


@pytest.mark.parametrize(
    ("name", "found", "expected"),
    [
        ("end_to_end_per_s", {"end_to_end_per_s": 300_000}, "yes"),
        ("end_to_end_per_s", {"end_to_end_per_s": 299_999}, "no"),
        ("visible_ms_p99", {"visible_ms_p99": 500.0}, "yes"),
        ("visible_ms_p99", {"visible_ms_p99": 500.1}, "no"),
        ("bytes_per_donation", {"bytes_per_donation": 16.01}, "no"),
        ("kafka_streams_per_s", {"kafka_streams_per_s": 100, "ledger_per_s": 600}, "yes"),
        ("kafka_streams_per_s", {"kafka_streams_per_s": 100, "ledger_per_s": 599}, "no"),
        ("kafka_streams_per_s", {"kafka_streams_per_s": None, "ledger_per_s": 599}, ""),
        ("kafka_streams_per_s", {"kafka_streams_per_s": 100, "ledger_per_s": None}, ""),
        ("recovery_s", {"recovery_s": 3.0}, ""),
    ],
)
def test_a_figure_is_held_against_its_target(name: str, found: dict[str, Any], expected: str) -> None:
    figure = next(figure for figure in FIGURES if figure.name == name)
    assert verdict(figure, found) == expected


def test_every_figure_of_the_result_is_shown() -> None:
    assert {figure.name for figure in FIGURES} == set(NAMES) - {"raw_limits"}


def test_the_table_marks_what_was_not_measured() -> None:
    lines = table({**EMPTY, "recovery_s": 3.25}).splitlines()
    assert any("kill -9" in line and "3.25" in line for line in lines)
    assert any("Kafka Streams" in line and "–" in line for line in lines)
    assert "a processor" in lines[-4]


def test_a_result_says_what_was_pushed() -> None:
    pushed = {"donations": 6_000_000, "days": 1, "donations_processes": 2}
    assert "6,000,000 donations of one day, 2 donations processes" in markdown([{**EMPTY, "end_to_end": pushed}])
    assert "donations of 40 days" in markdown([{**EMPTY, "end_to_end": {**pushed, "days": 40}}])


def test_results_have_a_section_for_each_run_with_its_machine_and_day() -> None:
    text = markdown(
        [{**EMPTY, "ledger_per_s": 1_234_567, "raw_limits": {"mongo_pages_per_s": 2_000}}, {**EMPTY, "big": BIG}]
    )
    assert text.count("## 2026-11-25\n") == 2
    assert text.count("a processor, 2 cores, 8.0 GiB, Linux, Python 3.11.7") == 2
    assert "| 1,234,567 donations/s |" in text
    assert "| journaled page inserts, eight writers | 2,000 |" in text
    assert "### 100,000,000 donations of one day" in text
    assert "320,000 · 300,000" in text
    assert text.count("\n\n| what |") == 2  # a table without an empty line before it is none


def test_a_part_that_failed_is_named_with_its_reason() -> None:
    found = {**EMPTY, "errors": {"kafka_streams": "TimeoutError: the peer counted 7 of 9 within 60 s"}}
    assert "FAILED kafka_streams: TimeoutError: the peer counted 7 of 9 within 60 s" in table(found)
    assert "kafka_streams failed: TimeoutError: the peer counted 7 of 9 within 60 s" in markdown([found])
