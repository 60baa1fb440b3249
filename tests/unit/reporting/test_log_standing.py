"""A log that stopped, or waits for long, is told: at `/readyz`, in `/v1/pipeline`, on the page of the staff."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from pandapack.contracts.envelope import decode
from pandapack.runtime.clock import FixedClock
from services.reporting.api.needs_shown import words_of
from services.reporting.api.texts import Language, PageTexts
from services.reporting.domain.log_order import Blocked, Place, Waiting
from services.reporting.domain.needs.stops import log_matters
from services.reporting.work import log_owner
from services.reporting.work.log_owner import LogStopped
from services.reporting.work.log_standing import BLOCKED_TOLD_S, LACKING_SHOWN_MAX, LogStanding
from tests.simulation.log_owners import AT
from tests.unit.reporting.test_log_owner import Running

LACKING = tuple(f"/procurement/rounds/R-00000{n}#000000000001" for n in range(5))


def waiting(appended_at_ms: int) -> Blocked:
    return Blocked(Waiting(Place("logistics/2", 7), "/logistics/shipments/S#000000000004", appended_at_ms), LACKING)


def test_what_waits_for_long_is_told_and_what_waits_for_gifts_is_not() -> None:
    clock = FixedClock(AT)
    standing = LogStanding(clock)
    assert standing.report() == {"size": None, "stopped": None, "blocked": []}
    standing.show(9, [waiting(int(AT.timestamp() * 1000))])
    assert standing.report() == {"size": 9, "stopped": None, "blocked": []}
    clock.at += timedelta(seconds=BLOCKED_TOLD_S)
    (told,) = standing.report()["blocked"]
    assert told["since"] == AT.isoformat() and len(told["lacking"]) == LACKING_SHOWN_MAX
    standing.show(9, [])
    assert standing.report()["blocked"] == []


def test_a_log_that_stopped_says_since_when_and_why_until_it_goes_on() -> None:
    clock = FixedClock(AT)
    standing = LogStanding(clock)
    standing.stop("log_gap: one")
    clock.at += timedelta(minutes=1)
    standing.stop("log_gap: another")
    assert standing.report()["stopped"] == {"since": AT.isoformat(), "reason": "log_gap: another"}
    standing.resume()
    assert standing.report()["stopped"] is None


async def test_an_owner_that_stops_tells_it_and_appends_nothing() -> None:
    running = Running()
    await running.feed()
    await running.append_all(running.first)
    head = await running.database.kept.head()
    await running.database.kept.move(replace(head, owner="", next_offset=head.next_offset + 3))
    anew = running.process()
    with pytest.raises(LogStopped):
        await anew.owner.append()
    assert "it lost some or was made anew" in anew.owner.standing.report()["stopped"]["reason"]


async def test_an_event_that_cannot_be_told_stops_the_log_until_it_is_set_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = Running()
    await running.feed()
    running.world.clock.at += timedelta(minutes=2)
    told = log_owner.entries_of

    def unreadable(events: Any, *given: Any) -> list[bytes]:
        if events[0].envelope.type == "logistics.ConsignmentOpened" and not events[0].is_set_aside:
            type(events[0].envelope.event()).model_validate_json(b"{}")
        return told(events, *given)

    monkeypatch.setattr(log_owner, "entries_of", unreadable)
    with pytest.raises(LogStopped, match="see `panda partition`, and set it aside") as stopped:
        await running.append_all(running.first)
    assert isinstance(stopped.value.__cause__, ValidationError)
    opened = [
        entry.key
        for entries in running.database.kafka.values()
        for entry in entries
        if decode(entry.envelope).type == "logistics.ConsignmentOpened"
    ]
    running.database.aside = frozenset(opened)
    for partition in running.database.fed:
        running.database.fed[partition] = 0
    await running.feed()
    await running.append_all(running.first)
    assert running.first.owner.standing.report()["stopped"] is None


@pytest.mark.parametrize(
    ("language", "sentence"), [(Language.EN, "The public log stands still"), (Language.ZH, "公开日志停止了")]
)
def test_an_operator_is_told_in_a_sentence(language: Language, sentence: str) -> None:
    standing = LogStanding(FixedClock(AT + timedelta(seconds=BLOCKED_TOLD_S)))
    standing.stop("log_gap: one")
    standing.show(3, [waiting(int(AT.timestamp() * 1000))])
    blocked, stopped = log_matters(standing.report())
    texts = PageTexts(language)
    assert sentence in words_of(stopped, texts) and stopped.reason == "log_gap: one"
    assert "logistics/2" in words_of(blocked, texts) and LACKING[0] in blocked.reason
