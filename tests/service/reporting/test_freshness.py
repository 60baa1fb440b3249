"""How fresh figures are along a gift's whole way, though the ledger itself does not answer."""

from __future__ import annotations

from datetime import datetime

from pandapack.runtime.sender import Sender
from tests.service.reporting.conftest import Reporting, in_a_loop_of_its_own
from tests.waiting import eventually


def test_a_gift_that_the_ledger_has_not_taken_holds_the_figures_back_to_when_it_was_pushed(
    reporting: Reporting,
) -> None:
    eventually(lambda: reporting.totals()["behind_s"] == 0.0, "nothing is on its way")
    before = datetime.fromisoformat(reporting.totals()["complete_to"])

    async def push() -> None:
        sender = Sender(reporting.servers.kafka)
        await sender.send(reporting.service.topic("donations.pushed"), key=b"0", value=b"{}", partition=0)
        await sender.stop()

    in_a_loop_of_its_own(push)
    eventually(lambda: reporting.totals()["behind_s"] > 0.0, "something is on its way")
    pushed = datetime.fromisoformat(reporting.totals()["complete_to"])
    assert pushed >= before, "it never runs backwards"
    eventually(lambda: reporting.totals()["behind_s"] > 2.0, "it stays on its way")
    shown = reporting.pipeline()
    assert datetime.fromisoformat(shown["complete_to"]) >= pushed and shown["lag_records"] == 1
    assert reporting.get("/readyz").json()["stalled"] == [], "another's stall is not this one's"
