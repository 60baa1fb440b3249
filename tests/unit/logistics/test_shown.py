"""What people are shown of a consignment, and how their reports come in."""

from __future__ import annotations

import bson
import pytest
from pydantic import ValidationError

from pandapack.contracts.procurement import Category
from services.logistics.api.bodies import OFFICE_CHARACTERS_MAX, TEXT_CHARACTERS_MAX
from services.logistics.api.consignments import ORDINAL_MAX, DeliveryBody, HandoutBody, shown_consignment
from services.logistics.domain import consignment
from services.logistics.domain.consignment import Consignment, Delivery
from tests.unit.logistics.reports_of import (
    ROUND,
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

DOCUMENT_BYTES_MAX = 16 * 1024 * 1024
"""What MongoDB takes."""


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


def test_a_consignment_with_the_most_and_longest_proofs_fits_a_document() -> None:
    text, office = ("\N{PANDA FACE}" * most for most in (TEXT_CHARACTERS_MAX, OFFICE_CHARACTERS_MAX))
    longest = DeliveryBody.model_validate(
        {
            "delivery": "P" * 100,
            "school": "S" * 64,
            "accepted": [1],
            "reason": text,
            "gave": office,
            "received": office,
            "document": "0" * 64,
            "at": "2021-05-01T08:00:00.123456Z",
        }
    ).proof()
    applied = consignment.PROOFS_MAX - consignment.PARKED_MAX
    each = consignment.PARKED_ORDINALS_MAX // consignment.PARKED_MAX
    parked: list[Delivery] = [
        longest.model_copy(update={"accepted": tuple(range(each))}) for _ in range(consignment.PARKED_MAX)
    ]
    handouts = [
        handout("H" * 100, "S" * 64, 1).model_copy(update={"at": longest.at})
        for _ in range(ORDINAL_MAX + consignment.PARKED_MAX)
    ]
    state = Consignment(
        round=ROUND,
        stored=ORDINAL_MAX,
        deliveries=tuple([longest.model_copy(update={"accepted": tuple(range(10))})] * applied),
        parked_deliveries=tuple(parked),
        handouts=tuple(handouts),
    )
    size_bytes = len(bson.encode({"state": state.model_dump(mode="json")}))
    assert size_bytes < DOCUMENT_BYTES_MAX - DOCUMENT_BYTES_MAX // 8, "no room for outbox and answers"
