"""The programme that is paid into: published at procurement, and known to donations before the first push."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx

from benchmarks.load import PROGRAMME
from pandapack.local.stack import Stack

FILE = Path(__file__).parents[1] / "programmes" / f"{PROGRAMME}.json"
KNOWN_WAIT_S = 60.0
ASK_EVERY_S = 0.1


def publish_programme(stack: Stack) -> None:
    """Publishes it and waits until donations lists it. Raises httpx.HTTPError, TimeoutError."""
    with httpx.Client(trust_env=False, timeout=KNOWN_WAIT_S) as client:
        headers = {"Authorization": f"Bearer {stack.keys['buyer']}", "Idempotency-Key": f"publish-{PROGRAMME}"}
        url = f"{stack.addresses['procurement']}/v1/programmes/{PROGRAMME}"
        client.put(url, json=json.loads(FILE.read_text()), headers=headers).raise_for_status()
        until_s = time.perf_counter() + KNOWN_WAIT_S
        while not _is_known(client, stack):
            if time.perf_counter() > until_s:
                raise TimeoutError(f"donations does not list {PROGRAMME} within {KNOWN_WAIT_S:.0f} s")
            time.sleep(ASK_EVERY_S)


def _is_known(client: httpx.Client, stack: Stack) -> bool:
    headers = {"Authorization": f"Bearer {stack.keys['platform']}"}
    answer = client.get(f"{stack.addresses['donations']}/v1/programmes", headers=headers).raise_for_status()
    return any(one["programme"] == PROGRAMME for one in answer.json()["items"])
