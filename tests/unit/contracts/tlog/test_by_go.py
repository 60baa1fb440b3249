"""Go's own packages for notes and trees open what we sign, verify what we prove, and read our tiles."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pandapack.contracts.merkle import root_of
from pandapack.contracts.tlog.tree import consistency_proof, inclusion_proof
from tests.unit.contracts.tlog.logs import (
    AT_S,
    LOG_KEY,
    WITNESSES,
    StoredLog,
    checkpoint_of,
    entry_of,
    leaves_of,
    note_of,
)

PROGRAM = Path(__file__).parent / "go" / "main.go"
MODULE = "module verifier\n\ngo 1.22\n\nrequire golang.org/x/mod v0.20.0\n"
RUN_S_MAX = 180
SIZES = [
    (1, 1, 0),
    (1, 2, 1),
    (3, 7, 2),
    (255, 256, 255),
    (256, 257, 256),
    (600, 70_000, 69_999),
    (65_536, 65_537, 65_535),
]
"""Old size, size, index."""
LEAVES = leaves_of(70_000)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built."""
    if shutil.which("go") is None:
        pytest.skip("there is no go here")
    folder = tmp_path_factory.mktemp("verifier")
    shutil.copy(PROGRAM, folder)
    (folder / "go.mod").write_text(MODULE)
    try:
        fetched = _go(folder, "mod", "download", "golang.org/x/mod")
    except subprocess.TimeoutExpired:
        pytest.skip("golang.org/x/mod cannot be fetched here: nothing answers")
    if fetched.returncode:
        pytest.skip(f"golang.org/x/mod cannot be fetched here: {fetched.stderr.strip()[-200:]}")
    built = _go(folder, "build", "-o", "verifier", ".")
    assert built.returncode == 0, built.stderr
    return folder / "verifier"


def _go(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    return subprocess.run(
        ["go", *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=RUN_S_MAX, check=False
    )


def claim_of(old: int, size: int, index: int) -> dict[str, Any]:
    log = StoredLog([old, size] if old < size else [size], LEAVES)
    cosignature = WITNESSES[0].cosign(checkpoint_of(log), AT_S)
    return {
        "LogKey": LOG_KEY.verifier.text,
        "WitnessKey": WITNESSES[0].verifier.text,
        "Note": note_of(log).with_signatures([cosignature]).raw.decode(),
        "Old": old,
        "OldRoot": _text(root_of(LEAVES[:old])),
        "Size": size,
        "Root": _text(log.edge.root),
        "Index": index,
        "Entry": _text(entry_of(index)),
        "Inclusion": _texts(inclusion_proof(index, size, log.read_tile)),
        "Consistency": _texts(consistency_proof(old, size, log.read_tile)),
        "Tiles": {tile.path: _text(raw) for tile, raw in log.tiles.items()},
    }


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _texts(hashes: Sequence[bytes]) -> list[str]:
    return [_text(one) for one in hashes]


def _verified(verifier: Path, claim: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(verifier)], input=json.dumps(claim), capture_output=True, text=True, timeout=RUN_S_MAX, check=False
    )


@pytest.mark.parametrize(("old", "size", "index"), SIZES)
def test_go_verifies_note_proofs_and_tiles(verifier: Path, old: int, size: int, index: int) -> None:
    done = _verified(verifier, claim_of(old, size, index))
    assert done.stdout.split() == ["note", "inclusion", "consistency", "tiles"], done.stderr


@pytest.mark.parametrize(
    ("what", "named"), [("Entry", "inclusion"), ("OldRoot", "consistency"), ("Root", "note"), ("Note", "note")]
)
def test_go_refuses_what_is_altered(verifier: Path, what: str, named: str) -> None:
    claim = claim_of(256, 600, 300)
    altered = claim[what].replace("panda", "bandit") if what == "Note" else _text(bytes(32))
    done = _verified(verifier, {**claim, what: altered})
    assert (done.returncode, done.stderr.split(":")[0]) == (1, named)
