"""Alerts with several processes and people: one owner of the book, a store that is away, what is said, and the page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pandapack.decision import Refusal
from pandapack.runtime.store import Command, Outcome
from services.reporting.api.alerts import alerts_values, shown_alerts, shown_history, shown_silences
from services.reporting.api.rendering import rendered, texts_of
from services.reporting.domain.alerts.book import AlertBook, AlertState
from services.reporting.domain.alerts.orders import AlertOrders
from services.reporting.work.alerts import STAND_BY_S, Alerts, AlertsNow
from tests.unit.reporting.alerting import FAULTS, WELL, World


def in_a_world(test: Callable[[World], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test(World()))  # type: ignore[arg-type]

    run.__name__ = test.__name__
    return run


def states(alerts: Alerts) -> dict[str, AlertState]:
    return {name: one.state for name, one in alerts.now.book.alerts.items() if one.state is not AlertState.INACTIVE}


def command(key: str) -> Command:
    return Command(key, f"digest of {key}")


@in_a_world
async def test_one_process_owns_the_book_and_the_others_show_it(world: World) -> None:
    one, two, reader = world.process("one"), world.process("two"), world.process("reader", may_own=False)
    world.known = FAULTS["law-broken"]
    await world.looks(one, two, reader, seconds=8.0)
    row = await world.kept.latest()
    assert row is not None and row.owner == "one"
    assert states(one) == states(two) == states(reader) == {"law-broken": AlertState.FIRING}
    assert len(two.now.book.history) == 1


@in_a_world
async def test_another_process_takes_over_a_book_whose_owner_has_stopped_and_the_episode_goes_on(world: World) -> None:
    one, two = world.process("one"), world.process("two")
    world.known = FAULTS["law-broken"]
    await world.looks(one, two, seconds=6.0)
    fired_at = two.now.book.alert("law-broken").fired_at
    await world.looks(two, seconds=STAND_BY_S + 4.0)
    row = await world.kept.latest()
    assert row is not None and row.owner == "two"
    assert two.now.book.alert("law-broken").fired_at == fired_at is not None


@in_a_world
async def test_alerts_fire_while_the_store_is_away_and_are_written_once_it_is_back(world: World) -> None:
    one = world.process("one")
    await world.looks(one, seconds=4.0)
    world.known, world.is_away = FAULTS["store-unreachable"], True
    await world.looks(one, seconds=8.0)
    assert states(one) == {"store-unreachable": AlertState.FIRING}
    world.known, world.is_away = WELL, False
    await world.looks(one, seconds=8.0)
    row = await world.kept.latest()
    assert row is not None and row.book.history[0].name == "store-unreachable"
    assert states(one) == {"store-unreachable": AlertState.RESOLVED}


@in_a_world
async def test_an_alert_that_fires_is_acknowledged_for_its_episode_and_no_other(world: World) -> None:
    one = world.process("one")
    refused = await one.acknowledge("law-broken", "Mei (1f2e)", "looking", command("k0"))
    assert isinstance(refused, Refusal) and refused.code == "alert_not_firing"
    unknown = await one.acknowledge("no-such", "Mei (1f2e)", "looking", command("k1"))
    assert isinstance(unknown, Refusal) and unknown.code == "alert_unknown"
    world.known = FAULTS["law-broken"]
    await world.looks(one, seconds=6.0)
    assert isinstance(await one.acknowledge("law-broken", "Mei (1f2e)", "looking", command("k2")), Outcome)
    assert shown_alerts(one.now)["items"][0]["acknowledged"]["reason"] == "looking"
    world.known = WELL
    await world.looks(one, seconds=8.0)
    world.known = FAULTS["law-broken"]
    await world.looks(one, seconds=6.0)
    assert [bool(row["acknowledged"]) for row in shown_history(one.now)] == [False, True]
    assert shown_alerts(one.now)["items"][0]["acknowledged"] is None


@in_a_world
async def test_a_silenced_alert_fires_and_is_shown_and_calls_nobody_until_the_silence_ends(world: World) -> None:
    one = world.process("one")
    world.known = FAULTS["law-broken"]
    await world.looks(one, seconds=6.0)
    assert shown_alerts(one.now)["firing"] == 1
    made = await one.silence("law-broken", "money", 10, "Mei (1f2e)", "known, mended tonight", command("k"))
    assert isinstance(made, Outcome)
    repeated = await one.silence("law-broken", "money", 10, "Mei (1f2e)", "known, mended tonight", command("k"))
    assert isinstance(repeated, Outcome) and repeated.answer == made.answer
    shown = shown_alerts(one.now)
    assert shown["firing"] == 0 and shown["items"][0]["silence"]["reason"] == "known, mended tonight"
    assert len(shown_silences(one.now)) == 1
    await world.looks(one, seconds=604.0)
    assert shown_alerts(one.now)["firing"] == 1 and shown_silences(one.now) == []


@in_a_world
async def test_a_silence_is_ended_once_and_is_then_unknown(world: World) -> None:
    one = world.process("one")
    made = await one.silence("*", "", 10, "Mei (1f2e)", "works", command("k"))
    assert isinstance(made, Outcome)
    assert isinstance(await one.end_silence(str(made.answer["id"]), command("e1")), Outcome)
    again = await one.end_silence(str(made.answer["id"]), command("e2"))
    assert isinstance(again, Refusal) and again.code == "silence_unknown"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_shows_what_fires_with_forms_for_operators_alone(language: str) -> None:
    async def shown(world: World, *, may_act: bool) -> str:
        one = world.process("one")
        world.known = FAULTS["law-broken"]
        await world.looks(one, seconds=6.0)
        await one.silence("overdue", "R-1", 10, "Mei (1f2e)", "<b>festival</b>", command("k"))
        page = {"here": "/ops", "form_key": "form", "may_act": may_act, "alerts": alerts_values(one.now)}
        return await rendered("ops/alerts.html", texts_of(language, ""), "?", **page)

    html = asyncio.run(shown(World(), may_act=True))
    assert 'data-alert="law-broken"' in html and "docs/operations/law-broken.md" in html and "money: 5" in html
    assert f'<a href="/ops/runbooks/law-broken?lang={language}"><code>docs/operations/' in html
    assert 'action="/ops/act/reporting/v1/alerts/law-broken/acknowledgements"' in html
    assert 'name="_method" value="DELETE"' in html
    assert "&lt;b&gt;festival" in html and "<b>festival" not in html
    assert ("A conservation law does not hold." in html) is (language == "en")
    read_only = asyncio.run(shown(World(), may_act=False))
    assert 'data-alert="law-broken"' in read_only and "<form" not in read_only


def test_the_page_says_so_where_nothing_fires_and_nothing_was_looked_at() -> None:
    values = alerts_values(AlertsNow(AlertBook(), AlertOrders()))
    page = {"here": "/ops", "form_key": "form", "may_act": True, "alerts": values}
    html = asyncio.run(rendered("ops/alerts.html", texts_of("en", ""), "?", **page))
    assert "No alert fires." in html and "Nothing was looked at yet." in html and "No alert has fired yet." in html
