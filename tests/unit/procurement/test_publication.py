"""A publication is written once, and only if one can plan and buy by it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pandapack.decision import Decision, Refusal
from services.procurement.domain.publication import empty_publication, inconsistencies, publication_id, publish
from tests.unit.procurement.programme import SMALL, demonstration, small

AT = datetime(2020, 1, 1, tzinfo=UTC)
POLICY, ITEMS, OFFERS, SERVICES = SMALL["policy"], SMALL["items"], SMALL["catalogue"], SMALL["services"]
SPECIFICATION = SMALL["specifications"][0]


def test_numbers_sort_as_numbers_and_are_read_back() -> None:
    assert publication_id("a", 9) < publication_id("a", 10)
    assert empty_publication(publication_id("a", 10)).publication == 10


def test_the_demonstration_is_consistent() -> None:
    assert list(inconsistencies(demonstration())) == []
    assert list(inconsistencies(small())) == []


def test_a_publication_is_published_once_and_never_replaced() -> None:
    first = publish(empty_publication("love-parcel/000001"), small(), AT)
    assert isinstance(first, Decision)
    assert first.events == (small(),)
    assert first.answer == {"programme": "love-parcel", "publication": 1}
    again = publish(first.state, small(), AT)
    assert isinstance(again, Refusal) and again.code == "publication_taken"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"policy": {**POLICY, "price_tolerance_per_mille": 101}}, "above contingency_per_mille"),
    ({"policy": {**POLICY, "round_parcels": 0}}, "round_parcels is 0"),
    ({"policy": {**POLICY, "round_code": "r1"}}, "capital letters"),
    ({"items": []}, "items: 0"),
    ({"items": [*ITEMS, ITEMS[0]]}, "item pencil is named twice"),
    ({"items": [*ITEMS, {**ITEMS[0], "id": "a.b"}]}, "small letters"),
    ({"items": ITEMS[:1]}, "there is no item towel"),
    ({"catalogue": OFFERS[:1]}, "nobody offers towel"),
    ({"catalogue": [*OFFERS, {**OFFERS[0], "supplier": "demo-supplier-02"}]}, "pencil is offered twice"),
    ({"catalogue": [{**OFFERS[0], "pack_size": 0}, OFFERS[1]]}, "pack size of pencil is 0"),
    ({"catalogue": [{**OFFERS[0], "supplier": "nobody"}, OFFERS[1]]}, "no supplier here"),
    ({"specifications": [{**SPECIFICATION, "lines": []}]}, "has no lines"),
    ({"specifications": [{**SPECIFICATION, "effective_from": "2020"}]}, "no day"),
    ({"specifications": [SPECIFICATION, SPECIFICATION]}, "specification small is named twice"),
    ({"services": SERVICES[1:2] + SERVICES[3:]}, "no rate for insurance"),
    ({"services": [*SERVICES, SERVICES[0]]}, "freight for all is rated twice"),
    ({"services": [*SERVICES, {**SERVICES[0], "category": "goods"}]}, "bought from the catalogue"),
    ({"services": [*SERVICES, {**SERVICES[0], "country": "Nepal"}]}, "two letters"),
    ({"suppliers": [*SMALL["suppliers"], {"id": "freight", "name": "F"}]}, "called like a category"),
]


@pytest.mark.parametrize(("changes", "finding"), REFUSED, ids=[finding for _, finding in REFUSED])
def test_an_inconsistent_publication_is_refused_in_words(changes: dict[str, Any], finding: str) -> None:
    refusal = publish(empty_publication("love-parcel/000001"), small(**changes), AT)
    assert isinstance(refusal, Refusal) and refusal.code == "publication_inconsistent"
    assert finding in refusal.detail
