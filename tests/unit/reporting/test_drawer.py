"""The drawing process: it draws, is killed where it hangs, is started anew where it died, and ends with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.reporting.api.texts import Language
from services.reporting.domain.charts.sheets import ChartName, Theme
from services.reporting.work.drawing import drawer as drawing
from services.reporting.work.drawing.drawer import Drawer, NotDrawn
from services.reporting.work.drawing.orders import Order
from tests.unit.reporting import charted
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
ORDER = Order(charted.view(ChartName.COSTS, Language.ZH).sheet)
HANGS = "import time; time.sleep(600)"
DIES = "import sys; sys.stdin.buffer.read(4); sys.exit(3)"
BABBLES = "import sys; sys.stdout.write('hello, here I am'); sys.stdout.flush(); sys.stdin.read()"
PARENT = """
import asyncio
from services.reporting.work.drawing.drawer import Drawer
from tests.unit.reporting.test_drawer import ORDER

async def main():
    drawer = Drawer()
    await drawer.draw(ORDER)
    print(drawer.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_it_draws_and_writes_chinese_and_what_that_takes_is_known() -> None:
    drawer = Drawer()
    try:
        plot = await drawer.draw(ORDER)
        assert "物品" in plot.plot and plot.height > 0
        picture = await drawer.draw(Order(ORDER.sheet, plot.plot, plot.height, Theme.DARK, is_card=True))
        assert picture.png.startswith(b"\x89PNG") and picture.png[16:24] == (1200).to_bytes(4) + (630).to_bytes(4)
        failed = Order(ORDER.sheet, "<no svg", 10.0)
        with pytest.raises(NotDrawn):
            await drawer.draw(failed)
        assert (await drawer.draw(ORDER)).plot == plot.plot, "a failed order ends nothing"
    finally:
        await drawer.stop()
    assert drawer.pid is None


@pytest.mark.parametrize("code", [HANGS, DIES, BABBLES], ids=["hangs", "dies", "babbles"])
async def test_a_process_that_does_not_answer_is_killed_and_started_anew_after_a_pause(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(drawing, "monotonic_s", lambda: now[0])
    drawer = Drawer(sys.executable, "-c", code, limit_s=1.0)
    with pytest.raises(NotDrawn):
        await drawer.draw(ORDER)
    assert drawer.pid is None
    with pytest.raises(NotDrawn, match="a moment ago"):
        await drawer.draw(ORDER)
    now[0] += drawing.PAUSES.max_s
    drawer._command, drawer._limit_s = Drawer()._command, drawing.DRAWING_S_MAX
    assert (await drawer.draw(ORDER)).plot
    await drawer.stop()


async def test_more_orders_than_may_wait_are_refused_at_once() -> None:
    drawer = Drawer(sys.executable, "-c", HANGS)
    drawer._waiting = drawing.WAITING_MAX
    with pytest.raises(NotDrawn, match="being waited for"):
        await drawer.draw(ORDER)
    assert drawer.pid is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends when its input does")
def test_it_ends_with_its_parent_even_at_kill_9() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert _lives(child)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    eventually(lambda: not _lives(child), "the drawing process ends")


def test_it_is_given_no_key() -> None:
    assert not [name for name in drawing.PASSED_ON if name.startswith("PANDA")]


def _lives(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
