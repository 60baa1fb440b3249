"""The whole suite, as `make test` runs it: its parts beside each other.

    python -m tests.parts

Some tests compute, and keep a core busy; the others mostly wait for processes of their own. So they are three pytests.
What the first one says is shown as it comes, what the others say behind it, and last a line that counts all of them, as
pytest's own does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import IO

PARTS = (("tests/system",), ("tests/local", "tests/service"), ("tests/unit", "tests/simulation"))
COUNTED = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?)\b")
CLOSING = re.compile(r"^=*\s*\d+ \w+.* in [\d.]+s\b")
WIDTH = 100


def main() -> int:
    """Runs all to their ends. 0: all are green; else the first status that is not."""
    begun_s = time.monotonic()
    with ExitStack() as opened:
        files = [opened.enter_context(tempfile.TemporaryFile("w+")) for _ in PARTS]
        behind = [_pytest(*part, stdout=file) for part, file in zip(PARTS[1:], files[1:], strict=True)]
        try:
            first = _pytest(*PARTS[0], stdout=subprocess.PIPE)
            behind.append(first)
            assert first.stdout is not None
            for line in first.stdout:
                print(line, end="", flush=True)
                files[0].write(line)
            statuses = [one.wait() for one in behind]
        finally:
            for one in behind:
                one.terminate()
                one.wait()
        outputs = [_text(file) for file in files]
    print("".join(outputs[1:]), end="")
    print(closing_line(outputs, time.monotonic() - begun_s), flush=True)
    return next((status for status in statuses if status), 0)


def closing_line(outputs: Sequence[str], took_s: float) -> str:
    """What all counted, as pytest's own last line says it."""
    counts: Counter[str] = Counter()
    for text in outputs:
        closing = next((line for line in reversed(text.splitlines()) if CLOSING.match(line)), "")
        for count, what in COUNTED.findall(closing):
            counts[what] += int(count)
    order = (
        "failed",
        "passed",
        "skipped",
        "deselected",
        "xfailed",
        "xpassed",
        "warning",
        "warnings",
        "error",
        "errors",
    )
    told = ", ".join(f"{counts[what]} {what}" for what in order if counts[what]) or "no tests ran"
    return f" {told} in {took_s:.2f}s ({timedelta(seconds=int(took_s))}) ".center(WIDTH, "=")


def _pytest(*arguments: str, stdout: IO[str] | int) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "pytest", *arguments)
    # Hundreds of processes of ours are started: each module is compiled once, and not by each of them.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.Popen(command, env=env, stdout=stdout, stderr=subprocess.STDOUT, text=True)


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


if __name__ == "__main__":
    sys.exit(main())
