"""The whole suite, as `make test` runs it: what computes and what waits, beside each other.

    python -m tests.halves

Half of the tests compute, and keep one core busy; the others mostly wait for processes of their own. So they are two
pytests. What the one that waits says is shown as it comes, what the other says behind it, and last a line that counts
both, as pytest's own does.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import IO

COMPUTING = ("tests/unit", "tests/simulation")
WAITING = ("tests/local", "tests/service", "tests/system")
COUNTED = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?)\b")
CLOSING = re.compile(r"^=*\s*\d+ \w+.* in [\d.]+s\b")
WIDTH = 100


def main() -> int:
    """Runs both to their ends. 0: both are green; else the first status that is not."""
    begun_s = time.monotonic()
    with tempfile.TemporaryFile("w+") as computing_output, tempfile.TemporaryFile("w+") as waiting_output:
        with _pytest(*COMPUTING, stdout=computing_output) as computing:
            try:
                with _pytest(*WAITING, stdout=subprocess.PIPE) as waiting:
                    assert waiting.stdout is not None
                    for line in waiting.stdout:
                        print(line, end="", flush=True)
                        waiting_output.write(line)
            except BaseException:
                computing.terminate()
                raise
        outputs = [_text(waiting_output), _text(computing_output)]
    print(outputs[1], end="")
    print(closing_line(outputs, time.monotonic() - begun_s), flush=True)
    return next((one.returncode for one in (waiting, computing) if one.returncode), 0)


def closing_line(outputs: Sequence[str], took_s: float) -> str:
    """What both counted, as pytest's own last line says it."""
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
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.STDOUT, text=True)


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


if __name__ == "__main__":
    sys.exit(main())
