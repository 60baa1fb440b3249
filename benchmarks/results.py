"""What was measured, as a table for the terminal and as `RESULTS.md`: pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS_FILE = Path(__file__).with_name("RESULTS.md")
PEER_TIMES_MIN = 6

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the result: what it is called, its unit, what is to be reached and whether it is."""

    name: str
    label: str
    unit: str
    target: str = ""
    reached: Callable[[Found], bool] | None = None


def _at_least(name: str, low: float) -> Callable[[Found], bool]:
    return lambda found: float(found[name]) >= low


def _at_most(name: str, high: float) -> Callable[[Found], bool]:
    return lambda found: float(found[name]) <= high


def _beats_peer(found: Found) -> bool:
    return float(found["ledger_per_s"]) >= PEER_TIMES_MIN * float(found["kafka_streams_per_s"])


FIGURES = (
    Figure(
        "end_to_end_per_s",
        "HTTP push → counted in totals, load included",
        "donations/s",
        "≥ 300,000",
        _at_least("end_to_end_per_s", 300_000),
    ),
    Figure("http_in_per_s", "HTTP push → accepted (acks=all), in the same run", "donations/s"),
    Figure("ledger_per_s", "records → journaled pages, exact duplicates, totals", "donations/s"),
    Figure(
        "kafka_streams_per_s",
        "Kafka Streams, exactly once, the same topic",
        "donations/s",
        f"≤ 1/{PEER_TIMES_MIN} of the ledger",
        _beats_peer,
    ),
    Figure(
        "visible_ms_p50",
        "accepted → visible, half of the top rate, p50",
        "ms",
        "≤ 100",
        _at_most("visible_ms_p50", 100),
    ),
    Figure(
        "visible_ms_p99",
        "accepted → visible, half of the top rate, p99",
        "ms",
        "≤ 500",
        _at_most("visible_ms_p99", 500),
    ),
    Figure("kafka_streams_visible_ms_p50", "the same of Kafka Streams at the same rate, p50", "ms"),
    Figure("kafka_streams_visible_ms_p99", "the same of Kafka Streams at the same rate, p99", "ms"),
    *(
        Figure(f"{rate}_share", f"{label} / Kafka's producer tool", "of it")
        for rate, label in (
            ("end_to_end", "HTTP push → counted"),
            ("http_in", "HTTP push → accepted"),
            ("ledger", "records → pages"),
            ("kafka_streams", "Kafka Streams"),
        )
    ),
    Figure(
        "page_ms_p99",
        "first byte of the public page at 50,000 rounds, half of the top rate, p99",
        "ms",
        "≤ 100",
        _at_most("page_ms_p99", 100),
    ),
    Figure(
        "answer_ms_p99",
        "totals, tables, figures as of any size, in the same run, p99",
        "ms",
        "≤ 100",
        _at_most("answer_ms_p99", 100),
    ),
    Figure(
        "poisoned_shard_gap_ms",
        "3,000 broken lines: no page on that shard for",
        "ms",
        "≤ 1,000",
        _at_most("poisoned_shard_gap_ms", 1_000),
    ),
    Figure(
        "other_shards_gap_ms",
        "3,000 broken lines: no page on another shard for",
        "ms",
        "≤ 1,000",
        _at_most("other_shards_gap_ms", 1_000),
    ),
    Figure("bytes_per_donation", "on disk: pages, seals, indexes", "B", "≤ 16", _at_most("bytes_per_donation", 16)),
    Figure(
        "rebuild_per_s",
        "every total from pages and journal",
        "donations/s",
        "≥ 1,000,000",
        _at_least("rebuild_per_s", 1_000_000),
    ),
    Figure("trace_ms_p99", "one donation's trace, p99", "ms", "≤ 50", _at_most("trace_ms_p99", 50)),
    Figure("journey_ms_p99", "the journey of any id, p99", "ms", "≤ 100", _at_most("journey_ms_p99", 100)),
    Figure("recovery_s", "kill -9 of the donations service → counting goes on", "s"),
    Figure(
        "alarm_s",
        "a service gone or held, Kafka held, an outbox waiting → told by terminal, page, metrics and alert",
        "s",
        "≤ 15",
        _at_most("alarm_s", 15),
    ),
)
RAW = {
    "kafka_producer_per_s": "Kafka's producer tool, 120 B records, lz4, acks=all",
    "kafka_consumer_per_s": "Kafka's consumer tool, the same records",
    "mongo_pages_per_s_one_writer": "journaled page inserts, one after the other",
    "mongo_pages_per_s": "journaled page inserts, eight writers",
    "mongo_page_donations_per_s": "the same, as donations",
}


def cell(value: object) -> str:
    """A number with its thousands grouped; a dash for what was not measured."""
    return f"{value:,}" if isinstance(value, int | float) else "–" if value is None else str(value)


def verdict(figure: Figure, found: Found) -> str:
    """yes, no, or nothing where there is no target or no figure to hold against it."""
    if figure.reached is None or found.get(figure.name) is None:
        return ""
    try:
        return "yes" if figure.reached(found) else "no"
    except (KeyError, TypeError):
        return ""


def table(found: Found) -> str:
    """For a terminal."""
    lines = [
        f"{figure.label:52} {cell(found.get(figure.name)):>12} {figure.unit:12} {figure.target:22} "
        f"{verdict(figure, found)}".rstrip()
        for figure in FIGURES
    ]
    raw = found.get("raw_limits") or {}
    lines += [f"{label:52} {cell(raw.get(name)):>12} /s" for name, label in RAW.items() if name in raw]
    lines += [f"{name:52} {value}" for name, value in (found.get(BIG) or {}).items()]
    lines += [f"FAILED {name}: {reason}" for name, reason in found.get("errors", {}).items()]
    lines += [f"{name:52} {value}" for name, value in found["machine"].items()]
    return "\n".join(lines)


BIG = "big"


def markdown(runs: Sequence[Found]) -> str:
    """`RESULTS.md`: a section for each run, in the order given."""
    head = (
        "# Results\n\nWritten by `python -m benchmarks --write-results FILE …` from the JSON of runs; what each figure "
        "means is in [README.md](README.md).\nMachines differ and are shared: compare figures of one run with each "
        "other, not figures of different runs.\n"
    )
    return head + "".join(_section(found) for found in runs)


def _load(found: Found) -> str:
    """What was pushed from end to end, where that was measured."""
    pushed = found.get("end_to_end")
    if not pushed:
        return ""
    return f" End to end: {_set(pushed)}, {pushed['donations_processes']} donations processes."


def _set(pushed: Found) -> str:
    days = "one day" if pushed["days"] == 1 else f"{pushed['days']} days"
    return f"{pushed['donations']:,} donations of {days}"


def _section(found: Found) -> str:
    machine = found["machine"]
    where = (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, "
        f"Python {machine['python']}"
    )
    parts = [f"\n## {found['at'][:10]}\n\n{where}. Measured at {found['at']}.{_load(found)}\n"]
    rows = [
        (figure.label, f"{cell(found[figure.name])} {figure.unit}", figure.target, verdict(figure, found))
        for figure in FIGURES
        if found.get(figure.name) is not None
    ]
    if rows:
        parts.append("\n" + _rows(("what", "measured", "target", "reached"), rows))
    parts += [f"\n{name} failed: {reason}\n" for name, reason in found.get("errors", {}).items()]
    if raw := found.get("raw_limits"):
        limits = [(label, cell(raw.get(name))) for name, label in RAW.items() if name in raw]
        parts.append("\n" + _rows(("raw limit of the same machine in the same run", "per second"), limits))
    if big := found.get(BIG):
        parts.append("\n" + _big(big))
    return "".join(parts)


def _big(big: Found) -> str:
    rates = " · ".join(f"{rate:,}" for rate in big["per_s_by_step"])
    memory = ", ".join(f"{name} {size:,}" for name, size in big["memory_mib_max"].items())
    disk = ", ".join(f"{name} {size / 2**30:.1f}" for name, size in big["disk_bytes"].items())
    rows = [
        ("donations a second, HTTP push → counted", cell(big["per_s"])),
        (f"the same for each {big['step']:,}", rates),
        ("last step / first step (target ≥ 0.9)", cell(big.get("last_step_of_first"))),
        ("highest resident memory of each process, MiB (target < 1,000)", memory),
        ("disk, GiB", disk),
        ("bytes a donation on pages and seals", cell(big["bytes_per_donation"])),
        (
            "one donation's trace at the end, p50 / p99, ms",
            f"{cell(big['trace']['trace_ms_p50'])} / {cell(big['trace_ms_p99'])}",
        ),
    ]
    return f"### {_set(big)}\n\n" + _rows(("what", "measured"), rows)


def _rows(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
