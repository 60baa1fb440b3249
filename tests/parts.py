"""The whole suite, as `make test` runs it: its parts beside each other.

    python -m tests.parts

Some tests compute, and keep a core busy; the others mostly wait for processes of their own. So they are three pytests.
What the first one says is shown as it comes, what the others say behind it, and last a line that counts all of them, as
pytest's own does.

Three beside each other on two cores starve each other now and then, so a few that failed run once more with nothing
beside them. What fails again has failed; what does not is named, for a test that needs a quiet machine is to be mended.
"""

from __future__ import annotations

import json
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
from pathlib import Path
from typing import IO

PARTS = (("tests/system",), ("tests/local", "tests/service"), ("tests/unit", "tests/simulation"))
COUNTED = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?)\b")
CLOSING = re.compile(r"^=*\s*\d+ \w+.* in [\d.]+s\b")
TRIED_AGAIN_AT_MOST = 100  # more is no starving: it is broken
TESTS_FAILED = 1  # pytest's status; any other but 0 says that it could not run them
WIDTH = 100


def main() -> int:
    """Runs all to their ends. 0: all are green; else the first status that is not."""
    begun_s = time.monotonic()
    with ExitStack() as opened:
        caches = [Path(opened.enter_context(tempfile.TemporaryDirectory())) for _ in PARTS]
        files = [opened.enter_context(tempfile.TemporaryFile("w+")) for _ in PARTS]
        runs = [
            _pytest(*part, cache=cache, stdout=file)
            for part, cache, file in list(zip(PARTS, caches, files, strict=True))[1:]
        ]
        try:
            first = _pytest(*PARTS[0], cache=caches[0], stdout=subprocess.PIPE)
            runs.insert(0, first)
            _shown(first, files[0])
            statuses = [run.wait() for run in runs]
        finally:
            for run in runs:
                run.terminate()
                run.wait()
        outputs = [_text(file) for file in files]
        print("".join(outputs[1:]), end="")
        failed = [test for cache in caches for test in failed_tests(cache)]
        again = ""
        if worth_another_try(statuses, failed):
            print(
                f"\n{len(failed)} failed while others ran beside them; once more, alone:",
                *failed,
                sep="\n  ",
                flush=True,
            )
            run = _pytest(*failed, cache=caches[0], stdout=subprocess.PIPE)
            _shown(run, files[0])
            statuses = [run.wait()]
            again = _text(files[0])[len(outputs[0]) :]
    print(closing_line(outputs, time.monotonic() - begun_s, again), flush=True)
    return next((status for status in statuses if status), 0)


def worth_another_try(statuses: Sequence[int], failed: Sequence[str]) -> bool:
    """Whether all that is wrong is that a few tests failed."""
    return set(statuses) <= {0, TESTS_FAILED} and 0 < len(failed) <= TRIED_AGAIN_AT_MOST


def failed_tests(cache: Path) -> list[str]:
    """The tests, as pytest names them, of which its cache says that they failed or had an error."""
    noted = cache / "v" / "cache" / "lastfailed"
    return list(json.loads(noted.read_text())) if noted.is_file() else []


def closing_line(outputs: Sequence[str], took_s: float, again: str = "") -> str:
    """What all counted, as pytest's own last line says it; what was tried `again` counts as it ended then."""
    counts: Counter[str] = Counter()
    for text in outputs:
        counts += _counted(text)
    if again:
        for what in ("failed", "error", "errors"):
            counts.pop(what, None)
        counts += _counted(again)
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


def _counted(text: str) -> Counter[str]:
    closing = next((line for line in reversed(text.splitlines()) if CLOSING.match(line)), "")
    return Counter({what: int(count) for count, what in COUNTED.findall(closing)})


def _pytest(*arguments: str, cache: Path, stdout: IO[str] | int) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}", *arguments)
    # Hundreds of processes of ours are started: each module is compiled once, and not by each of them.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.Popen(command, env=env, stdout=stdout, stderr=subprocess.STDOUT, text=True)


def _shown(run: subprocess.Popen[str], file: IO[str]) -> None:
    """Prints what it says as it comes, and keeps it at the file's end."""
    assert run.stdout is not None
    for line in run.stdout:
        print(line, end="", flush=True)
        file.write(line)


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


if __name__ == "__main__":
    sys.exit(main())
