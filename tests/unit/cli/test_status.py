"""What `panda status` makes of the answers that it gets."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from pandapack.cli.reasons import reasons_by_name
from pandapack.cli.status import is_well, reasons, seen_of
from pandapack.local import probes
from pandapack.local.probes import Answer

SINCE = "2026-11-26T11:01:28+00:00"
STALL = {
    "group": "panda.donations",
    "topic": "donations.pushed",
    "partition": 3,
    "records": 12,
    "since": SINCE,
}
STOP = {
    "topic": "donations.events",
    "partition": 1,
    "since": SINCE,
    "attempts": 4,
    "reason": "UnreadableEvent: no event",
}

GAP = {**STOP, "topic": "donations.pushed", "reason": "InputLost: shard 1: offset 1 is wanted, the log begins at 3"}


def report(**parts: Any) -> dict[str, Any]:
    return {"store": "ok", "kafka": "ok", "stopped": [], "stalled": [], "poll_age_s": 0.1, "neighbours": [], **parts}


def found(answers: dict[str, Answer]) -> dict[str, Any]:
    return {"ready": {name: answer.status == 200 for name, answer in answers.items()}, "reasons": reasons(answers)}


def test_all_that_is_ready_and_moves_is_well() -> None:
    assert is_well(found({"kafka": Answer(200), "donations": Answer(200, report())}))


def test_a_stall_is_told_with_which_and_since_when_and_is_not_well_though_it_is_ready() -> None:
    stalled = found({"donations": Answer(200, report(stalled=[STALL]))})
    (why,) = stalled["reasons"]["donations"]
    assert "12 records wait on donations.pushed/3 for panda.donations" in why and why.endswith(SINCE)
    assert not is_well(stalled)


def test_a_stop_is_told_with_its_reason() -> None:
    (why,) = reasons({"procurement": Answer(200, report(stopped=[STOP]))})["procurement"]
    assert why == f"stopped at donations.events/1 since {SINCE}, tried 4 times: UnreadableEvent: no event"


def test_a_service_that_is_held_does_not_answer_since_its_neighbour_missed_it() -> None:
    neighbours = [{"service": "logistics", "answers": False, "silent_since": SINCE}]
    answers = {"logistics": Answer(0), "reporting": Answer(200, report(neighbours=neighbours))}
    assert reasons(answers) == {"logistics": [f"does not answer, since {SINCE}"]}


def test_a_store_that_does_not_answer_is_named() -> None:
    assert reasons({"donations": Answer(503, report(store="MongoDB has not answered for 9 s"))}) == {
        "donations": ["MongoDB has not answered for 9 s"]
    }
    assert reasons({"mongo": Answer(0)}) == {"mongo": ["does not answer"]}


def test_nothing_that_runs_is_not_well() -> None:
    assert not is_well({"ready": {}, "reasons": {}})


def test_a_public_log_that_stopped_or_waits_is_told_though_the_service_is_ready() -> None:
    waits = {"partition": "logistics/2", "event": "/logistics/shipments/S#000000000004", "since": SINCE}
    standing = {
        "size": 7,
        "stopped": {"since": SINCE, "reason": "log_forked: offset 3 continues another log"},
        "blocked": [{**waits, "lacking": ["/procurement/rounds/R#000000000002"]}],
    }
    told = found({"reporting": Answer(200, report(public_log=standing))})
    stopped, blocked = told["reasons"]["reporting"]
    assert stopped.startswith(f"the public log stopped at {SINCE}") and stopped.endswith("continues another log")
    assert "logistics/2" in blocked and "needs /procurement/rounds/R#000000000002" in blocked
    assert not is_well(told)


def test_each_reason_names_the_runbook_of_its_kind_and_where_to_begin() -> None:
    answers = {
        "kafka": Answer(0),
        "mongo": Answer(0),
        "logistics": Answer(0, hangs=True),
        "procurement": Answer(0),
        "donations": Answer(200, report(stopped=[STOP, GAP], stalled=[STALL], outbox_age_s=9.0)),
    }
    told = reasons_by_name(answers, {"logistics": 77})
    begun = {(one.kind, one.command) for some in told.values() for one in some}
    assert begun == {
        ("kafka-stopped", "panda doctor"),
        ("store-stopped", "panda doctor"),
        ("service-frozen", "kill -9 77"),
        ("service-killed", "tail -n 50 .panda/logs/procurement.log"),
        ("poisoned-document", "panda partition show donations.events/1"),
        ("shard-gap", "panda shard list"),
        ("lag-rising", "panda ops"),
        ("outbox-full", "panda ops"),
    }
    root = Path(__file__).parents[3]
    assert all((root / one.runbook).exists() for some in told.values() for one in some)


def test_an_outbox_that_waits_for_long_is_a_reason_and_one_that_empties_is_none() -> None:
    assert reasons({"donations": Answer(200, report(outbox_age_s=9.4))}) == {
        "donations": ["what was decided 9 s ago is not in Kafka yet"]
    }
    assert reasons({"donations": Answer(200, report(outbox_age_s=1.0))}) == {}


def test_one_that_takes_a_connection_and_says_nothing_hangs_and_one_that_is_gone_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probes, "READYZ_WAIT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as held:
        address = f"http://127.0.0.1:{held.getsockname()[1]}"
        assert probes.ask(f"{address}/readyz") == Answer(0, hangs=True)
        shown = seen_of({"addresses": {"logistics": address}, "children": {"logistics": 77}})
        assert [one["command"] for one in shown["why"]["logistics"]] == ["kill -9 77"]
    assert probes.ask(f"{address}/readyz") == Answer(0)
    assert probes.STATUS_WAIT_S <= 2.0, "a hung service keeps nobody waiting for longer"
