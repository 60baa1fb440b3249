"""What people decide: the same whenever they are asked, within the shares that keep the programme moving."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.logistics.domain.shipment import LEGS_MAX
from simulator import decisions
from simulator.journeys import journey_of
from simulator.routes import COUNTRIES, ROUTES

FIRST_AT = datetime(2020, 1, 1, tzinfo=UTC)
LANDLOCKED = ("NP", "ET", "LA", "UG", "ZW")
PARCELS = 20

Seeds = st.integers(0, 2**32)
Rounds = st.integers(1, 99_999).map(lambda number: f"R-{number:06d}")


def order_of(name: str, receipts: int = 0, outstanding: int = 40) -> dict[str, Any]:
    lines = [
        {"item": f"item-{n}", "unit_price_fen": 10 * n, "unit_price_fen_max": 10 * n * 102 // 100, "quantity": 40}
        for n in range(1, 30)
    ]
    for line in lines:
        line["outstanding"] = outstanding
    return {"order": name, "lines": lines, "receipts": [f"GRN-{n}" for n in range(receipts)]}


def schools_of(parcels: int, cut: int) -> list[dict[str, Any]]:
    """One school that gets all parcels, or two that share them."""
    dealt = [(1, cut), (cut + 1, parcels - cut)]
    return [{"school": f"S{first}", "first_ordinal": first, "parcels": part} for first, part in dealt if part]


@given(seed=Seeds, order=st.text("ABC0123456789-", min_size=1, max_size=20))
def test_confirmed_prices_lie_within_the_tolerance_and_differ_from_those_of_the_order(seed: int, order: str) -> None:
    placed = order_of(order)
    prices = decisions.confirmed_prices(seed, placed)
    assert prices == decisions.confirmed_prices(seed, placed)
    lines = {line["item"]: line for line in placed["lines"]}
    assert all(0 < fen <= lines[item]["unit_price_fen_max"] for item, fen in prices.items())
    assert all(fen != lines[item]["unit_price_fen"] for item, fen in prices.items())


@given(seed=Seeds, fen=st.integers(0, 10**9), contingency=st.integers(0, 30))
def test_no_service_costs_more_than_its_order_allows(seed: int, fen: int, contingency: int) -> None:
    most_fen = fen + fen * contingency // 1000
    for category in decisions.SERVICE_PER_MILLE:
        order = {"order": f"O-{category}", "category": category, "amount_fen": fen, "amount_fen_max": most_fen}
        assert 0 <= decisions.service_fen(seed, order) <= most_fen


@given(seed=Seeds, amount_fen=st.integers(1, 10**9))
def test_the_last_invoice_is_right(seed: int, amount_fen: int) -> None:
    *wrong, last = decisions.goods_invoices(seed, "O-000001-s", amount_fen)
    assert last == amount_fen
    assert all(fen != amount_fen for fen in wrong)


@given(seed=Seeds, receipts=st.integers(0, 5), outstanding=st.integers(1, 40))
def test_a_delivery_brings_something_of_all_that_is_outstanding_and_the_third_is_whole_and_sound(
    seed: int, receipts: int, outstanding: int
) -> None:
    lines = decisions.receipt_lines(seed, order_of("O-000001-s", receipts, outstanding))
    assert len(lines) == 29
    assert all(0 <= line["rejected"] <= line["counted"] > 0 for line in lines)
    assert all(bool(line["rejected"]) == bool(line["reason"]) for line in lines)
    if receipts >= decisions.RECEIPTS_WITH_FAULTS_MAX:
        assert [(line["counted"], line["rejected"]) for line in lines] == [(outstanding, 0)] * 29


@given(seed=Seeds, round_id=Rounds, parcels=st.integers(1, 9_999))
def test_the_lots_of_a_round_are_all_its_parcels(seed: int, round_id: str, parcels: int) -> None:
    lots = decisions.lots(seed, round_id, parcels)
    assert sum(lots) == parcels
    assert min(lots) > 0


@given(seed=Seeds, round_id=Rounds, cut=st.integers(0, PARCELS))
def test_every_parcel_has_exactly_one_end(seed: int, round_id: str, cut: int) -> None:
    lost = [loss.ordinal for loss in decisions.losses(seed, round_id, PARCELS)]
    proofs = [p for s in schools_of(PARCELS, cut) for p in decisions.proofs(seed, round_id, PARCELS, s)]
    ends = lost + [one for proof in proofs for one in (*proof.accepted, *proof.rejected)]
    assert sorted(ends) == list(range(1, PARCELS + 1))
    for proof in proofs:
        handout = decisions.handout_plan(seed, round_id, proof)
        planned = (0, 0) if handout is None else (handout.parcels, handout.girls + handout.boys)
        assert planned == (len(proof.accepted), len(proof.accepted))
        assert bool(proof.rejected) == bool(proof.reason)


@settings(max_examples=20)
@given(seed=Seeds)
def test_one_to_two_of_a_hundred_parcels_are_damaged_or_lost(seed: int) -> None:
    rounds = [decisions.losses(seed, f"R-{number:06d}", PARCELS) for number in range(1, 66)]
    assert 0.01 <= sum(map(len, rounds)) / (65 * PARCELS) <= 0.02


@given(seed=Seeds, round_id=Rounds, country=st.sampled_from(COUNTRIES))
def test_the_legs_of_a_journey_join_and_end_in_the_country(seed: int, round_id: str, country: str) -> None:
    journey = journey_of(seed, FIRST_AT, round_id, country, 100)
    booking = next(report.body for report in journey.reports if not report.path)
    legs = booking["legs"]
    assert 2 <= len(legs) <= LEGS_MAX
    assert all(a["destination"] == b["origin"] for a, b in pairwise(legs))
    assert legs[0]["origin"].startswith("CN")
    assert legs[-1]["destination"].startswith(country)


@given(seed=Seeds, round_id=Rounds, country=st.sampled_from(COUNTRIES))
def test_a_journey_reports_each_movement_once_and_one_release_in_the_order_of_time(
    seed: int, round_id: str, country: str
) -> None:
    journey = journey_of(seed, FIRST_AT, round_id, country, 100)
    assert journey == journey_of(seed, FIRST_AT, round_id, country, 100)
    keys = [report.key for report in journey.reports]
    assert len(set(keys)) == len(keys)
    assert sum(report.path == "customs-releases" for report in journey.reports) == 1
    happened = sorted(journey.reports, key=lambda report: (report.at, report.path == "customs-releases"))
    movements = [report.body["leg"] for report in happened if report.path in ("departures", "arrivals")]
    legs = max(movements)
    assert movements == [leg for leg in range(1, legs + 1) for _ in range(2)]
    assert journey.arrived_at == happened[-1].at


@pytest.mark.parametrize("country", LANDLOCKED)
def test_to_a_country_without_a_sea_port_a_leg_leads_in_transit_through_another(country: str) -> None:
    between = {leg.destination[:2] for leg in ROUTES[country][:-1]}
    assert between - {"CN", country}


@given(seed=Seeds, round_id=Rounds, parcels=st.integers(1, PARCELS), cut=st.integers(0, PARCELS))
def test_it_is_known_beforehand_how_many_parcels_schools_accept(
    seed: int, round_id: str, parcels: int, cut: int
) -> None:
    schools = schools_of(parcels, min(cut, parcels))
    accepted = sum(len(p.accepted) for s in schools for p in decisions.proofs(seed, round_id, parcels, s))
    assert decisions.accepted_parcels(seed, round_id, parcels) == accepted


@settings(max_examples=20)
@given(seed=Seeds)
def test_some_papers_are_late_and_never_by_more_than_twelve_days(seed: int) -> None:
    days = [decisions.late_days(seed, "SH-R-000001", number) for number in range(300)]
    assert 0.05 <= sum(late > 0 for late in days) / len(days) <= 0.3
    assert max(days) <= decisions.LATE_DAYS_MAX
