"""What the doctor finds, each with a way to mend it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pandapack.local import doctor
from pandapack.local.doctor import Finding
from pandapack.local.keys import ensure_keys
from pandapack.local.stack import Layout


def wrong(layout: Layout) -> dict[str, Finding]:
    """What is wrong, by name."""
    return {found.name: found for found in doctor.examine(layout) if found.level == "wrong"}


def test_a_busy_port_is_wrong_and_the_setting_that_moves_it_is_named(tmp_path: Path) -> None:
    layout = Layout.on_free_ports(tmp_path / ".panda")
    with socket.create_server(("127.0.0.1", layout.port("reporting"))):
        found = wrong(layout)[f"port {layout.port('reporting')}"]
    assert "reporting is busy" in found.says
    assert "PANDA_REPORTING_PORT" in found.mend


def test_keys_that_others_can_read_are_wrong(tmp_path: Path) -> None:
    layout = Layout.on_free_ports(tmp_path)
    ensure_keys(tmp_path)
    assert "keys" not in wrong(layout)
    (tmp_path / "keys.json").chmod(0o644)
    assert wrong(layout)["keys"].mend == f"chmod 600 {tmp_path / 'keys.json'}"


def test_a_missing_java_is_wrong_and_the_rest_is_still_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANDA_JAVA", "/no/such/java")
    layout = Layout.on_free_ports(tmp_path)
    assert "PANDA_JAVA" in wrong(layout)["java"].says
    assert {"disk", "memory", "clock", "ports"} <= {found.name for found in doctor.examine(layout)}


def test_a_jar_in_the_cache_that_is_not_the_locks_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDA_CACHE", str(tmp_path))
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "kafka-clients-4.3.0.jar").write_bytes(b"not it")
    found = wrong(Layout.on_free_ports(tmp_path))["kafka jars"]
    assert "kafka-clients-4.3.0.jar" in found.says and "Delete the file" in found.mend


def test_the_old_mongod_of_the_wheel_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fiftyone", reason="the wheel is not installed")
    monkeypatch.delenv("PANDA_MONGO_BIN", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    found = next(one for one in doctor.examine(Layout.on_free_ports(tmp_path)) if one.name == "mongod")
    assert found.level == "warning" and "CVE-2025-14847" in found.says and "PANDA_MONGO" in found.mend


def test_an_existing_server_that_does_not_answer_is_wrong(tmp_path: Path) -> None:
    layout = Layout(data_dir=tmp_path, kafka="127.0.0.1:1", with_services=False)
    assert "PANDA_KAFKA=127.0.0.1:1" in wrong(layout)["kafka"].says
