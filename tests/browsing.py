"""A real Chromium that looks at pages: a patient one, for all tests of a file (`browser`, in tests/conftest.py)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]
NAMED_HOST = "panda.test"
"""This machine by a name: over plain HTTP no secure context, so that Chromium says no Sec-Fetch-Site to it."""
PATIENCE_MS = 120_000
"""So long is waited for a page and for what comes about on it: nothing fails because a machine is slow."""

needs_chromium = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="there is no /usr/bin/chromium to drive")


@dataclass(frozen=True)
class Browser:
    """Chromium. Its contexts are closed by who opens them, or with it."""

    chromium: Any

    def new_context(self, **options: Any) -> Any:
        """A reader of their own, as Playwright's of this name; patient."""
        context = self.chromium.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        return context


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """A browser, closed at the end; the test is skipped where Playwright is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as drive:
        opened = drive.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE_MS)
        yield Browser(opened)
        opened.close()
