"""What the doctor finds, each with a way to mend it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pandapack.local import doctor
from pandapack.local.doctor import Finding
from pandapack.local.keys import ensure_keys, ensure_signing_key
from pandapack.local.layout import Layout
from pandapack.local.mongo import leaks
from pandapack.local.running import DEMO_FOLDER, PID_FILE, RunningLock


def wrong(layout: Layout) -> dict[str, Finding]:
    """What is wrong, by name."""
    return {found.name: found for found in doctor.examine(layout) if found.level == "wrong"}


def test_a_busy_port_is_wrong_and_the_setting_that_moves_it_is_named(tmp_path: Path) -> None:
    layout = Layout.on_free_ports(tmp_path / ".panda")
    with socket.create_server(("127.0.0.1", layout.port("reporting"))):
        found = wrong(layout)[f"port {layout.port('reporting')}"]
    assert "reporting is busy" in found.detail
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
    assert "PANDA_JAVA" in wrong(layout)["java"].detail
    assert {"disk", "memory", "clock", "ports"} <= {found.name for found in doctor.examine(layout)}


def test_a_jar_in_the_cache_that_is_not_the_locks_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDA_CACHE", str(tmp_path))
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "kafka-clients-4.3.0.jar").write_bytes(b"not it")
    found = wrong(Layout.on_free_ports(tmp_path))["kafka jars"]
    assert "kafka-clients-4.3.0.jar" in found.detail and "Delete the file" in found.mend


def test_the_old_mongod_of_the_wheel_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fiftyone", reason="the wheel is not installed")
    monkeypatch.delenv("PANDA_MONGO_BIN", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    found = next(one for one in doctor.examine(Layout.on_free_ports(tmp_path)) if one.name == "mongod")
    assert found.level == "warning" and "CVE-2025-14847" in found.detail and "PANDA_MONGO" in found.mend


def test_an_existing_server_that_does_not_answer_is_wrong(tmp_path: Path) -> None:
    layout = Layout(data_dir=tmp_path, kafka="127.0.0.1:1", with_services=False)
    assert "PANDA_KAFKA=127.0.0.1:1" in wrong(layout)["kafka"].detail


def test_a_running_demonstration_is_named_with_what_stops_it(tmp_path: Path) -> None:
    layout = Layout.on_free_ports(tmp_path)
    with RunningLock(tmp_path / DEMO_FOLDER):
        found = next(one for one in doctor.examine(layout) if one.name == "demonstration")
    assert found.level == "warning" and f"pid {os.getpid()}" in found.detail and "panda down" in found.mend
    assert not any(one.name == "demonstration" for one in doctor.examine(layout))


LISTEN = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print(flush=True); input()"


@contextmanager
def listening(port: int, *, by_another: bool = False) -> Iterator[None]:
    """A process listens there: a child of ours, or one whose parent has ended."""
    command = [sys.executable, "-c", LISTEN, str(port)]
    command = ["setsid", "--fork", *command] if by_another else command
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None and process.stdout.readline()
        yield
        process.stdin.close()  # its input ends, and so does it


def test_what_the_running_demonstration_listens_on_is_not_wrong_and_what_others_do_is(tmp_path: Path) -> None:
    layout = Layout.on_free_ports(tmp_path)
    ours, theirs = layout.port("reporting"), layout.port("donations")
    with RunningLock(tmp_path / DEMO_FOLDER), listening(ours), listening(theirs, by_another=True):
        found = {one.name: one for one in doctor.examine(layout)}
    assert f"reporting {ours}" in found["demonstration"].detail and f"port {ours}" not in found
    assert found[f"port {theirs}"].level == "wrong"


def test_a_signing_key_that_cannot_be_used_is_wrong(tmp_path: Path) -> None:
    layout = Layout.on_free_ports(tmp_path)
    assert "signing key" not in wrong(layout)
    file = ensure_signing_key(tmp_path)
    assert "signing key" not in wrong(layout)
    file.chmod(0o644)
    assert wrong(layout)["keys"].mend == f"chmod 600 {file}"
    file.write_text("torn")
    assert "backup" in wrong(layout)["signing key"].mend
    file.unlink()
    file.mkdir()  # cannot be read as a file, whoever asks
    assert "cannot be read" in wrong(layout)["signing key"].detail


def test_a_public_half_of_another_signing_key_is_wrong(tmp_path: Path) -> None:
    other = ensure_signing_key(tmp_path / "other").with_name("signing_key.pub")
    public = ensure_signing_key(tmp_path).with_name("signing_key.pub")
    public.write_text(other.read_text())
    assert f"Delete {public}" in wrong(Layout.on_free_ports(tmp_path))["signing key"].mend


@pytest.mark.parametrize(("wished", "least", "level"), [(0, 0, "ok"), (10**9, 0, "warning"), (10**9, 10**9, "wrong")])
def test_a_disk_that_is_nearly_full_is_reported_before_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wished: int, least: int, level: str
) -> None:
    monkeypatch.setattr(doctor, "DISK_FREE_MB_WISHED", wished)
    monkeypatch.setattr(doctor, "DISK_FREE_MB_MIN", least)
    found = next(one for one in doctor.examine(Layout.on_free_ports(tmp_path)) if one.name == "disk")
    assert found.level == level
    assert ("Free some" in found.mend) == (level != "ok")


def test_a_clock_that_is_behind_the_last_start_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / PID_FILE
    file.touch()
    os.utime(file, (4_000_000_000, 4_000_000_000))
    found = wrong(Layout.on_free_ports(tmp_path))["clock"]
    assert "still to come" in found.detail and "timedatectl" in found.mend


@pytest.mark.parametrize(
    ("version", "has_it"),
    [
        ("6.0.5", True),
        ("6.0.27", False),
        ("7.0.27", True),
        ("7.0.28", False),
        ("8.0.16", True),
        ("8.0.17", False),
        ("8.1.9", True),
        ("8.2.3", False),
        ("8.3.0", False),
        ("4.4.20", True),
        ("of my own", True),
    ],
)
def test_a_mongod_older_than_the_fix_of_its_series_is_known(version: str, has_it: bool) -> None:
    assert leaks(version) == has_it


def test_an_old_mongod_of_ones_own_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "mongod"
    program.write_text("#!/bin/sh\necho 'db version v7.0.8'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PANDA_MONGO_BIN", str(program))
    found = next(one for one in doctor.examine(Layout.on_free_ports(tmp_path)) if one.name == "mongod")
    assert found.level == "warning" and "CVE-2025-14847" in found.detail and "PANDA_MONGO_BIN" in found.mend
