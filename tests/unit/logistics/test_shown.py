"""What people are shown of a consignment, and how their reports come in."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pandapack.contracts.procurement import Category
from services.logistics.api.consignments import HandoutBody, shown_consignment
from tests.unit.logistics.reports_of import (
    SHIPMENT,
    delivered,
    dispatched,
    handed_out,
    handout,
    incurred,
    played,
    proof,
    stored,
)


def test_a_consignment_is_shown_parcel_by_parcel_and_school_by_school() -> None:
    state, _ = played(
        [
            stored(),
            incurred(Category.FREIGHT, 30),
            dispatched(),
            delivered(proof("P-1", "KH-S01", (1, 2, 3), (4,))),
            handed_out(handout("H-1", "KH-S01", 2)),
            handed_out(handout("H-2", "KH-S02", 5)),
        ]
    )
    shown = shown_consignment(state)
    assert (shown["status"], shown["closed"], shown["shipment"], shown["stored"]) == ("open", False, SHIPMENT, 11)
    assert shown["costs"] == {"freight": 30}
    assert shown["parcels"]["accepted"] == 3 and shown["parcels"]["in_transit"] == 7
    assert (shown["ordinals"]["rejected"], shown["ordinals"]["in_transit"]) == ([4], [5, 6, 7, 8, 9, 10, 11])
    assert shown["parked"] == [{"kind": "handout", "id": "H-2", "school": "KH-S02"}]
    assert [one["first_ordinal"] for one in shown["schools"]] == [1, 7]
    assert shown["schools"][0] == {
        "school": "KH-S01",
        "district": "Siem Reap",
        "pupils": 40,
        "first_ordinal": 1,
        "parcels": 6,
        "accepted": 3,
        "rejected": 1,
        "handed_out": 2,
        "pupils_reached": 2,
        "pupils_over_reported": 0,
        "more_pupils_than_enrolled": False,
    }


def test_more_pupils_than_a_school_has_are_flagged_and_kept_out_of_the_pupils_reached() -> None:
    many = handout("H-1", "KH-S01", 1).model_copy(update={"girls": 30, "boys": 11})
    state, _ = played([stored(), dispatched(), delivered(proof("P-1", "KH-S01", (1,))), handed_out(many)])
    first, second = shown_consignment(state)["schools"]
    assert (first["pupils_reached"], first["pupils_over_reported"]) == (1, 40)
    assert first["more_pupils_than_enrolled"] is True
    assert second["more_pupils_than_enrolled"] is False


def test_a_time_comes_with_any_zone_and_is_kept_in_utc() -> None:
    fields = {"handout": "H", "school": "S", "parcels": 1, "girls": 1, "boys": 0}
    body = HandoutBody.model_validate({**fields, "at": "2021-05-01T16:00:00+08:00"})
    assert body.handout_report().at == "2021-05-01T08:00:00+00:00"
    for at in ("2021-05-01T16:00:00", "2021-05-01", 1_619_856_000):
        with pytest.raises(ValidationError):
            HandoutBody.model_validate({**fields, "at": at})
