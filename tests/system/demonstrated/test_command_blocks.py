"""Every command block of README and docs is run as it stands, against one demonstration that runs beside it.

Only the ports are others, so that nothing on this machine is in the way. What is not run, and why, stands in
`tests/command_blocks.py`; `tests/house/test_command_blocks.py` looks at it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.command_blocks import DOCUMENTS, ROOT, Kind, blocks_of, reason_not_run
from tests.system.demonstrated.demonstrations import Demonstration

READS = ("panda trace", "panda receipt", "curl http", 'curl "http')
READ_AGAIN = 140
"""What is only read may not be there yet: a reader looks again half a second later, at most so often.

A receipt is there a minute after its page is sealed, at the latest.
"""


def script_of(document: Path) -> str:
    """All that is run of a document, in its order: one shell, as its reader has one. It ends at the first failure."""
    parts = []
    for block in blocks_of(document):
        if block.kind is Kind.PYTHON:
            parts.append(step(block.place, f"python - <<'BLOCK'\n{block.text}BLOCK"))
        elif block.kind is Kind.SHELL:
            parts += [step(block.place, command) for command in block.commands() if reason_not_run(command) is None]
    return "".join(parts)


def step(place: str, command: str) -> str:
    """A command, and the end of all with its `place` where it fails."""
    failed = f"{{ echo 'failed: {place}' >&2; exit 1; }}"
    allowed = "$status -eq 0"
    if command.startswith(READS):
        again = f"[ {allowed} ] && break\nsleep 0.5\ndone\n[ {allowed} ] || {failed}\n"
        return f"for again in $(seq {READ_AGAIN}); do\n{command}\nstatus=$?\n{again}"
    return f"{command}\nstatus=$?\n[ {allowed} ] || {failed}\n"


@pytest.fixture(scope="module")
def done(demonstration: Demonstration) -> Mapping[Path, subprocess.CompletedProcess[str]]:
    """Each document's commands, run to their end, one document after the other."""
    return {document: demonstration.run(demonstration.here(script_of(document))) for document in DOCUMENTS}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_command_of_a_document_does_what_it_should(
    done: Mapping[Path, subprocess.CompletedProcess[str]], document: Path
) -> None:
    run = done[document]
    assert run.returncode == 0, (run.stdout[-3_000:], run.stderr[-3_000:])


def test_the_first_gift_by_curl_is_counted_and_can_be_followed(
    done: Mapping[Path, subprocess.CompletedProcess[str]],
) -> None:
    lines = [line.strip() for line in done[ROOT / "README.md"].stdout.splitlines()]
    followed = lines.index("id: 4000000000000000001")
    assert lines[followed - 1] == "merchant: M00001"
    assert "amount_fen: 5" in lines[followed : followed + 5]


def test_the_demonstration_s_receipt_is_proven_with_the_demonstration_s_key(
    done: Mapping[Path, subprocess.CompletedProcess[str]],
) -> None:
    run = done[ROOT / "README.md"]
    assert "Proven." in run.stdout.splitlines()
    assert "trusted: the keys in .panda/demo/log_keys.pub and .panda/demo/signing_key.pub" in run.stderr.splitlines()
