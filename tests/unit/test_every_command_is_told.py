"""Every route that changes anything publishes who did it: the table of authority is gone through, route by route.

A route takes its command from `command_of` or `acting`, and a document publishes it; or it notes an act by `acts`. One
that does neither stands below, with what tells of it instead.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

from pandapack.runtime.acts import acts_of, noting_of
from pandapack.runtime.http import command_of
from tests.system.test_authority import rows

SAFE = ("GET", "HEAD", "OPTIONS")
TELLING: tuple[Callable[..., Any], ...] = (command_of, noting_of, acts_of)
OTHERWISE = {
    "donations POST /v1/donations": "gifts: a record of `donations.pushed`, which the ledger's events name as cause",
    "donations POST /v1/reversals": "the same: thousands a second, and each is in the ledger with its push",
    "donations POST /v1/dead-letters/replays": "`donations.DeadLettersReplayed`",
    "donations POST /v1/dead-letters/replays/{id}/stop": "`donations.DeadLettersReplayed`",
    "donations POST /v1/dead-letters/discards": "`donations.DeadLettersDiscarded`",
    "donations POST /v1/dead-letters/previews": "it changes nothing",
}
"""Route → what tells of it."""
COMMANDS = [f"{service} {method} {path}" for service, method, path, _ in rows() if method not in SAFE]


@cache
def routes() -> dict[str, RouteContext]:
    found = {}
    for service in ("donations", "procurement", "logistics", "reporting"):
        app = importlib.import_module(f"services.{service}.app").create_app()
        for route in iter_route_contexts(app.routes):
            found |= {f"{service} {method} {route.path_format}": route for method in route.methods or ()}
    return found


def dependant_of(route: RouteContext) -> Dependant:
    found: Dependant = route.dependant  # type: ignore[attr-defined]
    return found


def calls_of(dependant: Dependant) -> Iterator[Callable[..., Any] | None]:
    yield dependant.call
    for one in dependant.dependencies:
        yield from calls_of(one)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_table_tells_who_sent_it(command: str) -> None:
    is_telling = any(call in TELLING for call in calls_of(dependant_of(routes()[command])))
    assert is_telling or command in OTHERWISE, f"{command} publishes nothing: note it by `pandapack.runtime.acts`"


def test_the_table_has_every_command() -> None:
    commands = {name for name, route in routes().items() if " /v1/" in name and name.split()[1] not in SAFE}
    assert commands == set(COMMANDS)
