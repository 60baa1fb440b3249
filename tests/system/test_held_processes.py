"""Each process in turn is held (SIGSTOP): `panda status` and its neighbours say so, and say nothing when it goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from pandapack.local.layout import SERVICES
from pandapack.local.stack import Stack
from tests.waiting import eventually

NAMES = {"mongod": "mongo"}
"""What `panda status` calls a child that it calls otherwise."""


def status(stack: Stack) -> tuple[int, dict[str, Any]]:
    """Exit status, and what it says."""
    command = [sys.executable, "-m", "pandapack.cli.main", "status", "--json"]
    folder = Path(stack.layout.data_dir).parent
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return answer.returncode, json.loads(answer.stdout)


KINDS = {"kafka": "kafka-stopped", "mongod": "store-stopped"}
"""Of what kind it is that a process is held; a service's is that it is frozen."""


def told(stack: Stack, name: str) -> list[str]:
    """What `panda status --why` says of it; nothing where it and all others are well."""
    code, found = status(stack)
    assert (code == 0) == (not found["reasons"] and all(found["ready"].values()))
    why: list[dict[str, str]] = found["why"].get(NAMES.get(name, name), [])
    assert [one["reason"] for one in why] == found["reasons"].get(NAMES.get(name, name), [])
    return [one["kind"] for one in why]


def seen_by_neighbours(stack: Stack, held: str) -> bool:
    """Whether somebody who needs it says that it does not answer."""
    if held == "reporting":
        return not _readyz(stack, "donations")["neighbours"][0]["answers"]
    if held in SERVICES:
        key = {"Authorization": f"Bearer {stack.keys['auditor']}"}
        address = f"{stack.addresses['reporting']}/v1/pipeline"
        shown = httpx.get(address, headers=key, trust_env=False, timeout=30.0).json()
        return next(not one["answers"] and one["silent_since"] for one in shown["services"] if one["service"] == held)
    field = {"kafka": "kafka", "mongod": "store"}[held]
    return all("has not answered" in _readyz(stack, service)[field] for service in SERVICES)


ALERTS = {"kafka": "kafka-unreachable", "mongod": "store-unreachable"}
"""Which alert fires where a process is held; of a service, that it is silent."""
NEEDS = {"kafka": "kafka_stopped"}
"""What the operations page names as waiting for a person; of a service, that it is silent."""


def alert_fires(stack: Stack, held: str) -> bool:
    """As reporting's metrics tell it, which anybody reads who has no key."""
    text = httpx.get(f"{stack.addresses['reporting']}/metrics", trust_env=False, timeout=30.0).text
    return f'panda_alerts_firing{{alert="{ALERTS.get(held, "service-silent")}"}} 1.0' in text


def waits_for_person(stack: Stack, held: str) -> bool:
    """Whether the operations page has it in its list."""
    key = {"Authorization": f"Bearer {stack.keys['auditor']}"}
    found = httpx.get(f"{stack.addresses['reporting']}/v1/needs", headers=key, trust_env=False, timeout=30.0).json()
    return any(one["kind"] == NEEDS.get(held, "service_silent") for one in found["items"])


def _readyz(stack: Stack, service: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{stack.addresses[service]}/readyz", trust_env=False, timeout=30.0).json()
    return found


@pytest.mark.parametrize("held", ["kafka", "mongod", *SERVICES])
def test_a_process_that_is_held_is_seen_by_status_and_neighbours_and_is_well_when_it_goes_on(
    whole: Stack, held: str
) -> None:
    eventually(lambda: status(whole)[0] == 0, "all is well")
    whole.supervisor.signal(held, signal.SIGSTOP)
    try:
        eventually(lambda: told(whole, held), f"status tells of {held}")
        assert told(whole, held) == [KINDS.get(held, "service-frozen")]
        eventually(lambda: seen_by_neighbours(whole, held), f"a neighbour tells of {held}")
        if held != "reporting":  # which would have to tell it
            eventually(lambda: alert_fires(whole, held), f"an alert tells of {held}")
        if held not in ("reporting", "mongod"):  # whose keys are in the store
            eventually(lambda: waits_for_person(whole, held), f"the operations page tells of {held}")
    finally:
        whole.supervisor.signal(held, signal.SIGCONT)
    eventually(lambda: status(whole)[0] == 0, f"all is well once {held} goes on")
    eventually(lambda: not alert_fires(whole, held), "the alert ends by itself")
    eventually(lambda: not waits_for_person(whole, held), "nobody is asked for any more")
