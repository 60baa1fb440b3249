"""What is in a parcel, and what was paid for it: as last published, and to the fen; recounted alike in SQL."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pandapack.contracts.public_log.fold import contents, figures
from pandapack.contracts.public_log.fold.contents import shares_of
from tests.unit.contracts.test_public_fold import Account
from tests.unit.recount.test_recount_sql import agree, counted
from tests.unit.reporting.history import PROGRAMME

Json = dict[str, Any]
OF = {"round": "R-1", "programme": PROGRAMME, "country": "NP"}
NAMES = {"zh": "国际爱心包裹", "en": "Love Parcel"}


def entry(type: str, **fields: Any) -> Json:
    at, source = "2021-11-11T02:00:00Z", f"/{type}/{json.dumps(fields, sort_keys=True)}"
    return {"type": f"procurement.{type}", "at": at, "on": "2021-11-11", "source": source, "sequence": 1} | fields


def item(id: str, en: str | None, category: str = "learning") -> Json:
    named = {} if en is None else {"name": {"zh": f"{id}名", "en": en}}
    return {"id": id, "category": category, "unit": "piece", "hs_code": "960910", **named}


def specification(version: int, **quantities: int) -> Json:
    lines = [{"item": name, "quantity": quantity} for name, quantity in quantities.items()]
    measures = {"weight_g": 4300, "volume_cm3": 21000, "value_fen": 13000}
    day = f"20{18 + version}-02-01"
    return {"id": f"v{version}", "version": version, "effective_from": day, "lines": lines, **measures}


def lines(**priced: tuple[int, int]) -> list[Json]:
    return [{"item": name, "quantity": units, "unit_price_fen": fen} for name, (units, fen) in priced.items()]


PUBLISHED = [
    entry("ProgrammePublished", programme=PROGRAMME, publication=1, items=[item("pencil", None)])
    | {"specifications": [specification(1, pencil=10)], "round_parcels": 20},
    entry("ProgrammePublished", programme=PROGRAMME, publication=2, name=NAMES, motto=NAMES, round_parcels=20)
    | {"items": [item("soap", "Bar of soap", "hygiene"), item("pencil", "Pencil")]}
    | {"specifications": [specification(2, soap=1, pencil=8)]},
]
BOUGHT = [
    entry("RoundFunded", **OF, ordinal=1, specification="v2", parcels=20, plan_fen={"goods": 900})
    | {"contingency_fen": 0, "reserved_fen": 900, "intervals": []},
    entry("FundsCommitted", **OF, order="O-1", category="goods", fen=900),
    entry(
        "OrderPlaced", **OF, order="O-1", category="goods", lines=lines(pencil=(7, 50), soap=(11, 50)), amount_fen=900
    ),
    entry("OrderConfirmed", round="R-1", order="O-1", lines=lines(pencil=(7, 40), soap=(11, 50)), amount_fen=830),
    entry("OrderPlaced", **OF, order="O-2", category="freight", lines=[], amount_fen=80),
    entry("FundsSpent", **OF, order="O-1", category="goods", fen=829, uncommitted_fen=71),
    entry("FundsSpent", **OF, order="O-2", category="freight", fen=80, uncommitted_fen=0),
]


def encoded(*entries: Json) -> list[bytes]:
    return [json.dumps(one).encode() for one in entries]


def test_a_later_publication_names_what_an_earlier_one_did_not_and_both_parcels_stay() -> None:
    account = Account(encoded(*PUBLISHED))
    rows = contents.content_rows(account.books)
    shown = [(row["specification"], row["position"], row["item"], row["quantity"], row["name_en"]) for row in rows]
    assert shown == [
        ("v1", 1, "pencil", 10, "Pencil"),
        ("v2", 1, "soap", 1, "Bar of soap"),
        ("v2", 2, "pencil", 8, "Pencil"),
    ]
    assert account.books.contents[PROGRAMME].motto == NAMES
    assert contents.content_rows(account.books, "another") == []


def test_what_was_paid_for_items_adds_up_to_what_orders_of_goods_were_paid() -> None:
    account = Account(encoded(*BOUGHT))
    rows = {row["item"]: (row["paid"], row["paid_fen"]) for row in figures.item_rows(account.books)}
    assert rows == {"pencil": (7, 279), "soap": (11, 550)}, "as confirmed: 280 and 550, of which 829 were paid"
    assert account.rounds["R-1"].orders["O-1"].lines == [], "nothing more is kept of a paid order's lines"


@pytest.mark.parametrize("size", range(len(PUBLISHED) + len(BOUGHT) + 1))
def test_the_published_sql_recounts_them_at_every_size(size: int) -> None:
    log = encoded(*PUBLISHED, *BOUGHT)[:size]
    agree(log, counted(log))


def test_a_publication_in_parts_is_one() -> None:
    first, second = ({**PUBLISHED[1], "part": part, "parts": 2} for part in (1, 2))
    second = {
        name: second[name] for name in ("type", "at", "on", "source", "sequence", "part", "parts", "specifications")
    }
    first = {name: value for name, value in first.items() if name != "specifications"}
    log = encoded(first, second)
    agree(log, counted(log))
    assert contents.content_rows(Account(log).books) == contents.content_rows(Account(encoded(PUBLISHED[1])).books)


def test_shares_of_what_was_paid_lose_no_fen() -> None:
    found = list(shares_of(1000, [("a", 1, 333), ("b", 1, 333), ("c", 1, 333)]))
    assert [fen for _, _, fen in found] == [333, 333, 334]
    assert list(shares_of(1000, [("a", 1, 0)])) == []
