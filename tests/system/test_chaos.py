"""A short fault campaign, as its users run it: whatever is killed, the figures at the end are the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from pandapack.local.ports import free_ports, setting_of
from pandapack.local.stack import DEFAULT_PORTS

SETTINGS = [setting_of(name) for name in DEFAULT_PORTS]


def test_a_campaign_of_kills_changes_no_figure_and_the_audit_agrees(tmp_path: Path) -> None:
    ports = {name: str(port) for name, port in zip(SETTINGS, free_ports(len(SETTINGS)), strict=True)}
    command = [sys.executable, "-m", "pandapack.cli.main", "chaos", "--donations", "60000", "--faults", "3", "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | ports, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
    told = json.loads(done.stdout)
    assert told["differences"] == []
    assert told["faults"]
    assert told["outcome"]["donations"] == 60_000
