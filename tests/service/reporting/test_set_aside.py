"""An event that an operator set aside stands in the public log as that, and its effects behind it."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from pandapack.contracts.causation import Cause, written
from pandapack.contracts.public_log.set_aside import EVENT_SET_ASIDE
from pandapack.runtime.settings import EVENT_PARTITIONS
from pandapack.runtime.trust import partition_of
from tests.service.reporting.conftest import Reporting
from tests.unit.reporting.history import PROGRAMME, enveloped, programme, records
from tests.waiting import eventually

FUND = f"/procurement/funds/{PROGRAMME}"
CAUSED = "procurement.RoundOpened"


def entries(reporting: Reporting) -> list[dict[str, Any]]:
    return [json.loads(line) for line in reporting.get("/log/entries.ndjson").content.splitlines()]


def test_what_names_an_event_that_was_set_aside_as_its_cause_stands_behind_the_entry_that_says_so(
    reporting: Reporting,
) -> None:
    history = enveloped(programme()[:6])  # until the round is opened; of the fund three events
    first, second = [one for one in history if one.source == FUND][:2]
    caused = msgspec.structs.replace(history[-1], causes=written([Cause(FUND, 1, 2)]))
    assert caused.type == CAUSED
    reporting.publish(records([*[one for one in history[:-1] if one != first], caused]))
    path = f"/v1/partitions/procurement.events/{partition_of(FUND, EVENT_PARTITIONS)}"
    with reporting.service.client("operator") as operator:

        def stops() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = operator.get(path).json()["stops"]
            return [stop for stop in found if stop["is_exact"]]

        eventually(stops, "the second event of the fund is known to come without its first")
        assert CAUSED not in [one["type"] for one in entries(reporting)]
        body = {"reason": "the first was never published", "breaks": "money"}
        (stop,) = stops()
        assert operator.post(f"{path}/records/{stop['offset']}/set-aside", json=body).status_code == 200
        eventually(lambda: CAUSED in [one["type"] for one in entries(reporting)], "its effect is in the log")
        told = entries(reporting)
        (aside,) = [one for one in told if one["type"] == EVENT_SET_ASIDE]
        assert (aside["source"], aside["sequence"], aside["event_type"]) == (FUND, second.number, second.type)
        assert told.index(aside) < [one["type"] for one in told].index(CAUSED)
        assert "procurement.RoundFunded" in [one["type"] for one in told]  # the source goes on
        journal = operator.get("/v1/journal", params={"source": FUND}).json()["items"]
        assert [(one["sequence"], one["set_aside"]) for one in journal] == [(2, True), (3, False)]
    assert reporting.get("/readyz").json()["public_log"]["stopped"] is None
