"""Kafka's jars are what the lock says, or they are refused."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from pandapack.backoff import Backoff
from pandapack.local import kafka_jars
from pandapack.local.errors import DataRefused, JarNotFetched, JarRefused
from pandapack.local.kafka_jars import LOCK_FILE, LockedJar, ensure_jars, read_lock

WHOLE = b"a jar"
JAR = LockedJar("broker", "org.example", "thing", "1.0", hashlib.sha256(WHOLE).hexdigest())


def hand_out(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every fetch bring this content."""

    def fetch(jar: LockedJar, repository: Path) -> Path:
        repository.mkdir(parents=True, exist_ok=True)
        path = repository / jar.file_name
        path.write_bytes(content)
        return path

    monkeypatch.setattr(kafka_jars, "_fetch_once", fetch)


def test_a_fetched_jar_with_another_hash_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_out(b"something else", monkeypatch)
    with pytest.raises(JarRefused, match=rf"thing-1.0.jar.*should be {JAR.sha256}"):
        ensure_jars([JAR], tmp_path)
    assert not list(tmp_path.glob("*.jar"))


def test_a_cached_jar_that_was_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_out(WHOLE, monkeypatch)
    ensure_jars([JAR], tmp_path)
    (tmp_path / JAR.file_name).write_bytes(b"changed")
    with pytest.raises(JarRefused, match=f"{JAR.file_name} of the lock"):
        ensure_jars([JAR], tmp_path)


def test_a_jar_is_fetched_once_and_progress_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress: list[tuple[int, int, str]] = []
    hand_out(WHOLE, monkeypatch)
    ensure_jars([JAR], tmp_path, lambda *what: progress.append(what))
    ensure_jars([JAR], tmp_path, lambda *what: progress.append(what))
    assert progress == [(1, 1, "thing-1.0.jar")]
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["thing-1.0.jar"]


def test_a_jar_that_does_not_come_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def fail(jar: LockedJar, repository: Path) -> Path:
        tries.append(1)
        raise RuntimeError("no route")

    monkeypatch.setattr(kafka_jars, "_fetch_once", fail)
    monkeypatch.setattr(kafka_jars, "FETCH_PAUSES", Backoff(0.0, 0.0))
    with pytest.raises(JarNotFetched, match=r"org.example:thing:1.0: no route.*PANDA_KAFKA_HOME"):
        ensure_jars([JAR], tmp_path)
    assert len(tries) == kafka_jars.FETCH_TRIES_MAX


def test_the_lock_names_hashes_and_no_addresses() -> None:
    jars = read_lock()
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {kafka_jars.KAFKA_VERSION}
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in jars)
    assert len({jar.file_name for jar in jars}) == len(jars)
    assert "://" not in LOCK_FILE.read_text()


def test_a_kafka_home_without_kafka_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDA_KAFKA_HOME", str(tmp_path))
    with pytest.raises(DataRefused, match="PANDA_KAFKA_HOME"):
        kafka_jars.kafka_classpath()
