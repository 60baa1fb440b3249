"""The log on the real servers, with a witness, a monitor and a mirror as strangers run them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import msgspec

from pandapack.contracts.causation import Cause, written
from pandapack.contracts.envelope import Envelope
from pandapack.contracts.procurement import FundCredited
from pandapack.contracts.tlog.checkpoint import Checkpoint, open_checkpoint
from pandapack.contracts.tlog.cosignature import WitnessKey, WitnessPolicy, cosigned
from pandapack.contracts.tlog.encoding import hash_of
from pandapack.contracts.tlog.note import SignerKey
from pandapack.contracts.tlog.tree import is_consistent
from pandapack.local.keys import ensure_log_key
from tests.service.reporting.conftest import Reporting, _reporting
from tests.service.reporting.test_public_log import ORIGIN
from tests.stack import Servers
from tests.unit.reporting.history import SourceEvent, enveloped, programme, records
from tests.waiting import eventually

PANDA = (sys.executable, "-m", "pandapack.cli.main")


def chained() -> list[Envelope]:
    """The programme as a real one is: no effect before its cause, and a fund that tells of all its shards each time."""
    applied, published = dict[int, int](), list[SourceEvent]()
    for source, event in programme()[:-1]:
        told = event
        if isinstance(event, FundCredited):
            applied |= event.applied_fen
            told = event.model_copy(update={"applied_fen": dict(applied)})
        published.append((source, told))
    found = enveloped(published)
    for n, (before, envelope) in enumerate(pairwise(found), 1):
        cause = written([Cause(before.source, before.number, before.number)])
        found[n] = msgspec.structs.replace(envelope, causes=cause)
    return found


@contextmanager
def witness(folder: Path, log: str, port: str = "0") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`panda witness`, and its line for `PANDA_LOG_WITNESSES`: address and key."""
    command = [*PANDA, "witness", "--state", str(folder), "--log", log, "--port", port]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def panda(*args: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run([*PANDA, *args, "--json"], capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_log_that_is_witnessed_monitored_and_mirrored_by_strangers(stack: Servers, tmp_path: Path) -> None:
    home, seen = tmp_path / "home", tmp_path / "seen"
    home.mkdir()
    key = SignerKey(ORIGIN, bytes.fromhex(ensure_log_key(home).read_text().strip())).verifier

    def served(reporting: Reporting) -> tuple[Checkpoint, int]:
        """The checkpoint, and how many witnesses cosigned it."""
        signed = open_checkpoint(reporting.get("/log/checkpoint").content, ORIGIN, [key])
        return signed.checkpoint, len(cosigned(signed.note, WitnessPolicy((witness_key,), 1)).by)

    def is_covered(reporting: Reporting, size: int) -> bool:
        checkpoint, by = served(reporting)
        return by == 1 and checkpoint.size >= size

    def look(reporting: Reporting) -> dict[str, Any]:
        keys = ("--key", key.text, "--witness", witness_key.text, "--state", str(seen))
        status, found = panda("monitor", reporting.service.url, "--once", *keys)
        assert status == 0, found
        return found

    with witness(tmp_path / "witness", key.text) as (process, line):
        witness_key = WitnessKey.parse(line.split()[1])
        with _reporting(stack, home, {"PANDA_LOG_WITNESSES": line}) as reporting:
            reporting.publish(records(chained()[:20]))
            eventually(lambda: is_covered(reporting, 3), "a witness has cosigned entries")
            first, _ = served(reporting)
            assert look(reporting)["cosigned_by"] == ["localhost/witness"]
            assert "co-signed by 1 of 1 witnesses" in reporting.get("/?lang=en").text
            process.kill()
            process.wait()
            port = str(httpx.URL(line.split()[0]).port)
            with witness(tmp_path / "witness", key.text, port) as (_, again):
                assert again == line, "it has the same key"
                reporting.publish(records(chained()[20:]))
                size = len(reporting.get("/log/entries.ndjson").content.splitlines())
                eventually(lambda: is_covered(reporting, max(size, first.size + 1)), "it goes on where it was killed")
            last, _ = served(reporting)
            answer = reporting.get(f"/log/consistency?from={first.size}&to={last.size}")
            proof = [hash_of(one, "a hash") for one in answer.text.splitlines()]
            assert is_consistent(first.size, first.root, last.size, last.root, proof)
            assert "immutable" in answer.headers["cache-control"]
            refused = reporting.get(f"/log/consistency?from=0&to={10**9}")
            assert (refused.status_code, refused.json()["code"]) == (422, "log_range_invalid")
            mirror = [*PANDA, "mirror", reporting.service.url, str(tmp_path / "copy"), "--once", "--key", key.text]
            subprocess.run(mirror, check=True, capture_output=True)
            found = look(reporting)
            assert found["size"] >= last.size and found["well"] is True
    status, found = panda("monitor", str(tmp_path / "copy"), "--once", "--key", key.text, "--state", str(seen))
    assert status == 0 and found["size"] >= last.size
