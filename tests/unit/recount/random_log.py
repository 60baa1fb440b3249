"""Random entries of every type that figures are made of, in few programmes, rounds, orders and items: so they meet.

They need not make sense: the fold in Python and the one in SQL must agree on any log whatever.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

Json = dict[str, Any]
PROGRAMMES, COUNTRIES, ITEMS = ("p", "q"), ("MM", "NP"), ("ball", "pen")
ROUNDS = {"R-1": ("p", "NP"), "R-2": ("p", "MM"), "R-3": ("q", "NP")}
STATES = ("warehouse", "in_transit", "accepted", "rejected", "damaged", "lost", "returned")
DAYS = ("2019-12-31", "2021-01-01", "2021-11-12", "2022-02-01")
AT = "2021-11-11T02:00:{:02d}Z"

number = st.integers(0, 9)
programme, item, shard = st.sampled_from(PROGRAMMES), st.sampled_from(ITEMS), st.integers(0, 2)
order = st.sampled_from(["a" * 32, "b" * 32])
category = st.sampled_from(["goods", "freight", "administration"])
units = st.dictionaries(item, number)


def entry(type: str, **fields: Any) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"type": st.just(type), **fields})


def list_of(**fields: Any) -> st.SearchStrategy[list[Json]]:
    return st.lists(st.fixed_dictionaries(fields), max_size=3)


def cells() -> st.SearchStrategy[list[Json]]:
    return list_of(programme=programme, day=st.sampled_from(DAYS), count=number, fen=number)


lines_of_shard = st.lists(  # an entry has each fen line of its shard once
    st.fixed_dictionaries({"programme": programme, "fen_from": st.just(0), "fen_to": st.integers(1, 99)}),
    max_size=2,
    unique_by=lambda line: line["programme"],
)
intervals = list_of(shard=shard, fen_from=st.just(0), fen_to=st.just(0))
lines = list_of(item=item, quantity=number, unit_price_fen=number)
receipt = list_of(item=item, counted=number, accepted=number, rejected=number, over_delivered=number)

specifications = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from("xyz"),
            **dict.fromkeys(("version", "weight_g", "volume_cm3", "value_fen"), number),
            "effective_from": st.sampled_from(DAYS),
            "lines": st.lists(
                st.fixed_dictionaries({"item": item, "quantity": number}),
                max_size=2,
                unique_by=lambda line: line["item"],
            ),
        }
    ),
    max_size=2,
    unique_by=lambda one: one["id"],
)
COUNTRY_OR_NOT = st.sampled_from([*COUNTRIES, None])


def or_not(**figures: Any) -> st.SearchStrategy[Json]:
    """All of the figures, or none of them: they are hidden."""
    return st.one_of(st.fixed_dictionaries(figures), st.fixed_dictionaries(dict.fromkeys(figures, st.none())))


def rows_of(names: tuple[str, ...], figures: st.SearchStrategy[Json], **named: Any) -> st.SearchStrategy[list[Json]]:
    """Rows that are named once each."""
    row = st.builds(lambda head, more: {**head, **more}, st.fixed_dictionaries(named), figures)
    return st.lists(row, max_size=4, unique_by=lambda one: tuple(str(one[name]) for name in names))


answers = st.integers(0, 40).flatmap(
    lambda numerator: or_not(numerator=st.just(numerator), denominator=st.integers(max(1, numerator), 60))
)
surveyed = entry(
    "logistics.SurveyReported",
    programme=programme,
    samples=rows_of(
        ("country",), or_not(frame_pupils=number, sample_pupils=number, interviewed=number), country=COUNTRY_OR_NOT
    ),
    indicators=rows_of(
        ("indicator", "country"), answers, indicator=st.sampled_from(["in_use", "late"]), country=COUNTRY_OR_NOT
    ),
    complaints=rows_of(
        ("kind",),
        st.one_of(or_not(received=number, resolved=number), or_not(received=number, resolved=st.none())),
        kind=st.sampled_from(["late", "other", None]),
    ),
)
OF_DONATIONS = (
    surveyed,
    surveyed.map(lambda one: {**one, "frame_schools": 9, "sample_schools": 7, "complaints_resolved": 5}),
    entry("procurement.ProgrammePublished", programme=programme, publication=number, specifications=specifications),
    entry(
        "donations.DonationsRecorded",
        shard=shard,
        days=cells(),
        intervals=lines_of_shard,
        duplicates=number,
        conflicts=number,
        refused=number,
    ),
    entry("donations.DonationsReversed", shard=shard, days=cells()),
    entry("donations.DonationsBanked", days=cells()),
    entry(
        "donations.PageSealed",
        shard=shard,
        page=number,
        rows=number,
        fen=number,
        root=st.just("ab" * 32),
        programmes=list_of(programme=programme, count=number, fen=number),
    ),
    entry(
        "procurement.FundCredited",
        programme=programme,
        credited_fen=number,
        applied_fen=st.dictionaries(shard.map(str), st.integers(1, 99)),
    ),
    entry("procurement.FundReversed", programme=programme, reversed_fen=number, intervals=intervals, owed_fen=number),
    entry("procurement.NeedOpened", programme=programme, country=st.just("LA"), parcels=number, ordinal=number),
    entry("mars.Landed"),
)
OF_A_ROUND = (
    entry(
        "procurement.RoundFunded",
        ordinal=st.integers(1, 9),
        specification=st.sampled_from("xy"),
        parcels=number,
        plan_fen=st.dictionaries(category, number),
        contingency_fen=number,
        reserved_fen=number,
        intervals=intervals,
    ),
    entry("procurement.RoundOpened", parcels=number, districts=list_of(parcels=number)),
    entry("procurement.OrderRequested", order=order, lines=lines, amount_fen=number),
    entry("procurement.FundsCommitted", order=order, category=category, fen=number),
    entry("procurement.FundsSpent", order=order, category=category, fen=number, uncommitted_fen=number),
    entry("procurement.OrderPlaced", order=order, category=category, lines=lines, amount_fen=number),
    entry("procurement.GoodsReceived", order=order, lines=receipt, reordered=units, complete=st.booleans()),
    entry("procurement.OrderPaid", order=order, category=category, amount_fen=number),
    entry("procurement.OrderClosed", order=order, cancelled=units),
    entry("procurement.ParcelsPacked", first_ordinal=number, count=number, consumed=units),
    entry("procurement.RoundClosed", spent_fen=number, released_fen=number, released=intervals, leftover=units),
    entry("logistics.ConsignmentOpened", round_parcels=number),
    entry("logistics.ParcelsStored", first_ordinal=number, count=number),
    entry("logistics.ParcelsDispatched", shipment=st.just("S"), count=number),
    entry("logistics.ParcelsWrittenOff", was=st.sampled_from(STATES), now=st.sampled_from(STATES), count=number),
    entry("logistics.ParcelsDelivered", accepted=number, rejected=number),
    entry("logistics.ParcelsHandedOut", parcels=number, pupils_reached=number, pupils_over_reported=number),
    entry("logistics.ConsignmentClosed", **dict.fromkeys(("accepted", "rejected", *STATES[4:]), number)),
    entry("logistics.CostIncurred", order=order, category=category, fen=number),
    entry("logistics.CustomsHeld", shipment=st.just("S")),
)
LISTS = (
    "samples",
    "indicators",
    "complaints",
    "specifications",
    "days",
    "intervals",
    "programmes",
    "lines",
    "released",
    "districts",
)


@st.composite
def _any(draw: st.DrawFn) -> Json:
    if draw(st.booleans()):
        return draw(st.one_of(OF_DONATIONS))
    round = draw(st.sampled_from(sorted(ROUNDS)))
    owner, country = ROUNDS[round]
    return {"round": round, "programme": owner, "country": country, **draw(st.one_of(OF_A_ROUND))}


@st.composite
def logs(draw: st.DrawFn) -> list[bytes]:
    """A log of some 30 entries: each round is told of first, and some wholes stand in two parts."""
    told = [
        {"type": "logistics.ConsignmentOpened", "round": name, "programme": owner, "country": country}
        for name, (owner, country) in ROUNDS.items()
    ]
    found: list[bytes] = []
    for sequence, one in enumerate([*told, *draw(st.lists(_any(), max_size=30))], 1):
        head = {
            "v": 1,
            "at": AT.format(sequence),
            "on": draw(st.sampled_from(DAYS)),
            "source": "/a/b",
            "sequence": sequence,
        }
        found += map(_encoded, _parts({**head, **one}) if draw(st.booleans()) else [{**head, **one}])
    return found


def _parts(whole: Json) -> list[Json]:
    """The whole in as many parts as it has elements, and one."""
    names = [name for name in LISTS if name in whole]
    head = {name: whole[name] for name in ("v", "at", "on", "source", "sequence", "type")}
    first = {name: [] if name in names else value for name, value in whole.items()}
    parts = [first, *({**head, name: [one]} for name in names for one in whole[name])]
    if len(parts) == 1:
        return [whole]
    return [{**part, "part": n, "parts": len(parts)} for n, part in enumerate(parts, 1)]


def _encoded(entry: Json) -> bytes:
    return msgspec.json.encode(entry, order="sorted")
