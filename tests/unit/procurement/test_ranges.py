"""Every number, text and day that comes in has a range: a row each, just within it and just beyond."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from pandapack.decision import Refusal
from services.procurement.api.funding import NeedBody, SchoolBody
from services.procurement.api.orders import ConfirmationBody, CountBody, InvoiceBody, RulingBody
from services.procurement.domain.matching import match_invoice
from services.procurement.domain.order import confirm, receive
from services.procurement.domain.order_lines import ReceiptCount
from services.procurement.domain.publication import empty_publication, publish
from services.procurement.domain.round import kit
from tests.unit.procurement.programme import PROGRAMME, SMALL, schools, small
from tests.unit.procurement.test_order import ALL, confirmed, placed, received
from tests.unit.procurement.test_round import stocked

AT = datetime(2021, 11, 11, tzinfo=UTC)
ITEMS, OFFERS, SERVICES, POLICY = SMALL["items"], SMALL["catalogue"], SMALL["services"], SMALL["policy"]
ITEM, OFFER, SPECIFICATION = ITEMS[0], OFFERS[0], SMALL["specifications"][0]
SCHOOL = {"school": "S", "district": "D", "pupils": 1, "parcels": 1}


def published(**changes: Any) -> Callable[[Any], Any]:
    """The small programme with the value in one place of it."""
    return lambda value: publish(
        empty_publication(f"{PROGRAMME}/000001"), small(**{n: change(value) for n, change in changes.items()}), AT
    )


def first(known: list[Any], name: str) -> Callable[[Any], list[Any]]:
    return lambda value: [{**known[0], name: value}, *known[1:]]


def body(kind: type[BaseModel], known: dict[str, Any], name: str) -> Callable[[Any], Any]:
    return lambda value: kind.model_validate({**known, name: value})


def counted(units: int) -> Any:
    return receive(confirmed(), "G", (ReceiptCount(item="towel", counted=units, lot="L"),), None)


def with_bill(units: int) -> Any:
    lines = [{"item": "pencil", "quantity": units}, {"item": "towel", "quantity": 1}]
    return published(specifications=lambda value: [{**SPECIFICATION, "lines": value}])(lines)


def with_round_of(parcels: int) -> Any:
    """A hundred million fen for each parcel's pencils: ten thousand of them cost a round's most."""
    lines = [{"item": "pencil", "quantity": 10}, {"item": "towel", "quantity": 1}]
    offers = [{**OFFER, "unit_price_fen": 10_000_000, "pack_size": 1}, SMALL["catalogue"][1]]
    policy = {**POLICY, "round_parcels": parcels}
    content = small(policy=policy, catalogue=offers, specifications=[{**SPECIFICATION, "lines": lines}])
    return publish(empty_publication(f"{PROGRAMME}/000001"), content, AT)


RANGES: list[tuple[str, Callable[[Any], Any], list[Any], list[Any]]] = [
    ("parcels of a round", published(policy=lambda v: {**POLICY, "round_parcels": v}), [1, 9_999], [0, 10_000]),
    ("contingency", published(policy=lambda v: {**POLICY, "contingency_per_mille": v}), [50, 1_000], [-1, 1_001]),
    ("tolerance", published(policy=lambda v: {**POLICY, "price_tolerance_per_mille": v}), [0, 100], [-1, 101]),
    (
        "unapproved invoices",
        published(policy=lambda v: {**POLICY, "invoice_fen_max_unapproved": v}),
        [0, 10**12, None],
        [-1, 10**12 + 1],
    ),
    ("round code", published(policy=lambda v: {**POLICY, "round_code": v}), ["A", "A" * 8], ["", "A" * 9, "é"]),
    ("unit price", published(catalogue=first(OFFERS, "unit_price_fen")), [1, 10_000_000], [0, 10_000_001]),
    ("pack size", published(catalogue=first(OFFERS, "pack_size")), [1, 10_000], [0, 10_001]),
    ("quantity", with_bill, [1, 1_000], [0, 1_001]),
    ("weight", published(specifications=first([SPECIFICATION], "weight_g")), [1, 10_000_000], [0, 10_000_001]),
    ("volume", published(specifications=first([SPECIFICATION], "volume_cm3")), [1, 10_000_000], [0, 10_000_001]),
    ("declared value", published(specifications=first([SPECIFICATION], "value_fen")), [1, 10_000_000], [0, 10**7 + 1]),
    (
        "day",
        published(specifications=first([SPECIFICATION], "effective_from")),
        ["2000-01-01", "2099-12-31"],
        [
            "1999-12-31",
            "2100-01-01",
            "0001-01-01",
            "9999-12-31",
            "2021-02-30",
            "2021-11-11T00:00:00+08:00",
            "x" * 10**6,
        ],
    ),
    ("rate", published(services=first(SERVICES, "fen_per_parcel")), [0, 10_000_000], [-1, 10_000_001]),
    ("what a round costs", with_round_of, [9_000], [9_999]),
    ("item's unit", published(items=first(ITEMS, "unit")), ["x", "件" * 20], ["", "x" * 21, "a\nb"]),
    ("item's category", published(items=first(ITEMS, "category")), ["a", "a" * 48], ["", "a" * 49, "A"]),
    ("HS code", published(items=first(ITEMS, "hs_code")), ["9609", "9" * 12], ["", "960", "9" * 13, "x" * 8 * 10**6]),
    (
        "item's name",
        published(items=lambda v: [{**ITEM, "name": {"zh": v, "en": "E"}}, ITEMS[1]]),
        ["x", "笔" * 64],
        ["", "笔" * 65, "\x00", "\ud800"],
    ),
    ("supplier's name", published(suppliers=first(SMALL["suppliers"], "name")), ["x" * 64], ["", "x" * 65, "\x7f"]),
    ("pupils of a school", body(SchoolBody, SCHOOL, "pupils"), [0, 100_000], [-1, 100_001, 2**53, 1.0]),
    ("parcels of a school", body(SchoolBody, SCHOOL, "parcels"), [1, 100_000], [0, 100_001, "1"]),
    ("district", body(SchoolBody, SCHOOL, "district"), ["D", "区" * 64], ["", "区" * 65, "\x00", "a\x1fb"]),
    (
        "schools of a need",
        lambda count: NeedBody.model_validate(
            {
                "need": "n",
                "programme": PROGRAMME,
                "country": "NP",
                "specification": "small",
                "schools": [one.model_dump() for one in schools(*[1] * count)],
            }
        ),
        [1, 500],
        [0, 501],
    ),
    ("confirmed price", lambda fen: confirm(placed(), {"towel": fen}, None), [1, 105], [106]),
    ("price in a body", lambda fen: ConfirmationBody.model_validate({"prices": {"i": fen}}), [10**7], [0, 10**7 + 1]),
    ("counted units", counted, [20, 40], [41, 100_000_000]),
    (
        "units in a body",
        body(CountBody, {"item": "i", "counted": 1, "lot": "L"}, "counted"),
        [0, 10**8],
        [-1, 10**8 + 1, 2**63],
    ),
    ("invoice", lambda fen: match_invoice(received(*ALL), "I", fen, None), [0, 3_000, 33_000], [33_001, 10**12]),
    (
        "invoice in a body",
        body(InvoiceBody, {"invoice": "I", "amount_fen": 1}, "amount_fen"),
        [0, 10**12],
        [-1, 10**12 + 1, 2**53],
    ),
    ("reason", body(RulingBody, {}, "reason"), ["x", "x" * 300], ["", "x" * 301, "\x00"]),
    ("parcels of a lot", lambda parcels: kit(stocked(), "L", parcels, None), [1, 4], [5, 10**9]),
]


@pytest.mark.parametrize(("name", "judge", "within", "beyond"), RANGES, ids=[name for name, *_ in RANGES])
def test_what_is_within_its_range_passes_and_what_is_beyond_is_refused_in_a_bounded_text(
    name: str, judge: Callable[[Any], Any], within: list[Any], beyond: list[Any]
) -> None:
    for value in within:
        assert not isinstance(judge(value), Refusal), (name, value, judge(value))
    for value in beyond:
        try:
            refused = judge(value)
        except ValidationError:
            continue
        assert isinstance(refused, Refusal), (name, value)
        assert len(refused.detail) < 1_000 and "\ud800" not in refused.detail


def test_a_refusal_says_its_bound() -> None:
    refusals = {
        "at most 40": counted(41),
        "at most 33000": match_invoice(received(*ALL), "I", 33_001, None),
        "must be at most 1000000000000": with_round_of(9_999),
        "takes at most 105": confirm(placed(), {"towel": 106}, None),
        "must be 2000-01-01 to 2099-12-31": published(specifications=first([SPECIFICATION], "effective_from"))(
            "1999-01-01"
        ),
    }
    for bound, refusal in refusals.items():
        assert isinstance(refusal, Refusal) and bound in refusal.detail, refusal
