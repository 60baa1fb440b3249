"""Why something is not well, by what services say of themselves; and of each reason which runbook mends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pandapack.local.probes import Answer

POLL_AGE_TOLD_S = 15.0
OUTBOX_AGE_TOLD_S = 8.0
"""An event leaves within a second; one that waits as long as a stalled partition does waits for a reason."""
SERVERS = {"kafka": "kafka-stopped", "mongo": "store-stopped"}
GAP = "the log begins at"
"""Part of what the ledger says of a shard whose input is gone."""


@dataclass(frozen=True, slots=True)
class Reason:
    """`kind`: of the stop, as its runbook is called. `text`: what it is, since when. `command`: to begin with."""

    kind: str
    text: str
    command: str

    @property
    def runbook(self) -> str:
        """Its place below the root of the project."""
        return f"docs/operations/{self.kind}.md"


def reasons_by_name(answers: Mapping[str, Answer], children: Mapping[str, Any]) -> dict[str, list[Reason]]:
    """Why each is not well, and since when where anybody knows; those that are well are missing.

    `children`: name → process, as far as these are this machine's.
    """
    seen = [one for answer in answers.values() for one in answer.body.get("neighbours", ())]
    silent_since = {one["service"]: one["silent_since"] for one in seen if one["silent_since"]}
    found = {}
    for name, answer in answers.items():
        if answer.status == 0:
            found[name] = [_silence(name, answer, silent_since.get(name), children.get(name))]
        else:
            found[name] = list(_told(answer))
    return {name: why for name, why in found.items() if why}


def _silence(name: str, answer: Answer, since: str | None, process: object) -> Reason:
    text = "does not answer" + (f", since {since}" if since else "")
    if name in SERVERS:
        return Reason(SERVERS[name], text, "panda doctor")
    if answer.hangs:
        return Reason("service-frozen", text, f"kill -9 {process}" if process else f"docker compose restart {name}")
    return Reason("service-killed", text, f"tail -n 50 .panda/logs/{name}.log")


def _told(answer: Answer) -> Iterator[Reason]:
    report = answer.body
    if (store := report.get("store", "ok")) != "ok":
        yield Reason("store-stopped", store, "panda doctor")
    if (kafka := report.get("kafka", "ok")) != "ok":
        yield Reason("kafka-stopped", kafka, "panda doctor")
    for stop in report.get("stopped", ()):
        yield _stop(stop)
    for stall in report.get("stalled", ()):
        where = f"{stall['topic']}/{stall['partition']}"
        yield Reason(
            "lag-rising",
            f"stalled: {stall['records']} records wait on {where} for {stall['group']}, "
            f"and nothing has moved since {stall['since']}",
            "panda ops",
        )
    yield from _log_reasons(report.get("public_log") or {})
    outbox_age_s = report.get("outbox_age_s")
    if outbox_age_s is not None and outbox_age_s > OUTBOX_AGE_TOLD_S:
        yield Reason("outbox-full", f"what was decided {outbox_age_s:.0f} s ago is not in Kafka yet", "panda ops")
    poll_age_s = report.get("poll_age_s")
    if answer.status != 200 and poll_age_s is not None and poll_age_s > POLL_AGE_TOLD_S:
        yield Reason("kafka-stopped", f"Kafka has answered none of its polls for {poll_age_s:.0f} s", "panda doctor")


def _stop(stop: Mapping[str, Any]) -> Reason:
    where = f"{stop['topic']}/{stop['partition']}"
    text = f"stopped at {where} since {stop['since']}, tried {stop['attempts']} times: {stop['reason']}"
    if GAP in stop["reason"]:
        return Reason("shard-gap", text, "panda shard list")
    return Reason("poisoned-document", text, f"panda partition show {where}")


def _log_reasons(standing: Mapping[str, Any]) -> Iterator[Reason]:
    if stop := standing.get("stopped"):
        yield Reason(
            "public-log",
            f"the public log stopped at {stop['since']}, and nothing is appended to it: {stop['reason']}",
            "panda partition list",
        )
    for one in standing.get("blocked", ()):
        lacking = ", ".join(one["lacking"])
        yield Reason(
            "public-log",
            f"the public log waits at {one['partition']} since {one['since']}: {one['event']} needs {lacking} before "
            "it, and no journal has that",
            "panda partition list",
        )
