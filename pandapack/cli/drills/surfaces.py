"""Where a stop is to be seen: in the terminal, on the operations page, in the metrics and as an alert."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pandapack.cli.drills.ground import Ground

if TYPE_CHECKING:
    from pandapack.cli.drills.kinds import Drill

LOOK_EVERY_S = 0.5
"""A page is work for whoever makes it: its readers look twice a second at most."""

Looks = Mapping[str, Callable[[], bool]]
"""By surface: whether it tells of the stop now."""


@dataclass(frozen=True, slots=True)
class Signs:
    """How a stop shows. `need`: with what its row's identifier on the operations page begins; `alert`: its name."""

    need: str
    alert: str


def looks_of(ground: Ground, drill: Drill, found: object) -> Looks:
    """`found`: what bringing it about answered."""
    signs = drill.signs
    firing = f'panda_alerts_firing{{alert="{signs.alert}"}} 1.0'
    return {
        "status": lambda: drill.is_seen(ground, found),
        "ops": lambda: f'data-need="{signs.need}' in ground.operations_page(),
        "metrics": lambda: firing in ground.metrics("reporting"),
        "alerts": lambda: signs.alert in ground.firing(),
    }


def until_all_tell(ground: Ground, looks: Looks, *, since_s: float, again: Callable[[], None]) -> dict[str, float]:
    """Waits until every surface tells of it; how many seconds after `since_s` each did. Raises DrillFailed.

    They are asked beside each other, since one that asks somebody who does not answer waits for him. `again` is called
    until all have told.
    """

    def seen_s(surface: str) -> float:
        ground.until(looks[surface], f"{surface} tells of it", every_s=LOOK_EVERY_S)
        return round(time.monotonic() - since_s, 1)

    with ThreadPoolExecutor(len(looks)) as pool:
        waits = {surface: pool.submit(seen_s, surface) for surface in looks}
        while not all(one.done() for one in waits.values()):
            again()
            time.sleep(LOOK_EVERY_S)
    return {surface: one.result() for surface, one in waits.items()}


def until_none_tells(ground: Ground, looks: Looks) -> None:
    """Waits until no surface does. Raises DrillFailed."""
    for surface in looks:
        ground.until(partial(_is_silent, looks[surface]), f"{surface} tells of it no more", every_s=LOOK_EVERY_S)


def _is_silent(tells: Callable[[], bool]) -> bool:
    return not tells()
