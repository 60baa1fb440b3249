"""What a round costs: the parts add up, and no confirmed price can break the reserve."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.procurement import Category
from services.procurement.domain.pricing import SERVICES, plan_round, pricing_of, rate_of, serves, with_per_mille
from tests.unit.procurement.programme import FACTS_COUNTRIES, SEAPORTS, demonstration, small

DEMONSTRATION = pricing_of(demonstration())


def test_a_round_is_ordered_by_supplier_in_whole_packs() -> None:
    plan = plan_round(pricing_of(small()), "small", "NP", 4)
    assert {order.tail: order.amount_fen for order in plan.orders} == {
        "demo-supplier-01": 100,  # 8 pencils are sold as two packs of 5
        "demo-supplier-02": 400,
        "freight": 120,
        "insurance": 40,
        "duty": 40,
        "monitoring": 40,
        "administration": 40,
    }
    assert plan.plan_fen[Category.GOODS] == 500
    assert (plan.contingency_fen, plan.reserved_fen) == (78, 858)


def test_a_country_without_its_own_rate_has_the_rate_of_all_others() -> None:
    pricing = pricing_of(small())
    own, other = rate_of(pricing, Category.FREIGHT, "NP"), rate_of(pricing, Category.FREIGHT, "KH")
    assert own is not None and other is not None
    assert (own.fen_per_parcel, other.fen_per_parcel) == (30, 20)


def test_a_country_is_served_only_with_a_rate_for_each_service() -> None:
    assert all(serves(DEMONSTRATION, "love-parcel-v2", country) for country in FACTS_COUNTRIES)
    assert not serves(DEMONSTRATION, "love-parcel-v2", "LK")
    assert not serves(DEMONSTRATION, "love-parcel-v9", "NP")


@given(
    st.sampled_from(["love-parcel-v1", "love-parcel-v2"]),
    st.sampled_from(FACTS_COUNTRIES),
    st.integers(1, 60),
    st.data(),
)
def test_no_round_can_cost_more_than_is_reserved(
    specification: str, country: str, parcels: int, data: st.DataObject
) -> None:
    plan = plan_round(DEMONSTRATION, specification, country, parcels)
    assert plan.reserved_fen == sum(plan.plan_fen.values()) + plan.contingency_fen
    assert plan.reserved_fen == sum(order.amount_fen_max for order in plan.orders)
    tolerance = data.draw(st.integers(0, DEMONSTRATION.policy.price_tolerance_per_mille))
    dearest_fen = 0
    for order in plan.orders:
        if order.category is Category.GOODS:
            prices = (line.quantity * with_per_mille(line.unit_price_fen, tolerance) for line in order.lines)
            confirmed_fen = sum(prices)
            assert confirmed_fen <= order.amount_fen_max
            dearest_fen += confirmed_fen
        else:
            dearest_fen += order.amount_fen_max
    assert dearest_fen <= plan.reserved_fen


@pytest.mark.parametrize(
    ("specification", "low_fen", "high_fen"),
    [("love-parcel-v1", 9_800, 10_600), ("love-parcel-v2", 11_000, 11_300)],
)
def test_a_parcel_costs_what_the_programme_published(specification: str, low_fen: int, high_fen: int) -> None:
    costs = [
        sum(plan_round(DEMONSTRATION, specification, country, 20).plan_fen.values()) / 20 for country in FACTS_COUNTRIES
    ]
    assert low_fen <= sum(costs) / len(costs) <= high_fen


def test_the_way_to_a_country_without_a_sea_port_costs_more() -> None:
    def freight_fen(countries: tuple[str, ...]) -> float:
        rates = [rate_of(DEMONSTRATION, Category.FREIGHT, country) for country in countries]
        return sum(rate.fen_per_parcel for rate in rates if rate) / len(countries)

    inland = tuple(country for country in FACTS_COUNTRIES if country not in SEAPORTS)
    assert freight_fen(inland) > 1.3 * freight_fen(SEAPORTS)


def test_the_demonstration_has_both_parcels_of_the_facts() -> None:
    programme = demonstration()
    categories = {item.id: item.category for item in programme.items}
    first, second = programme.specifications
    assert (len(first.lines), {categories[line.item] for line in first.lines}) == (61, {"learning", "living"})
    assert (len(second.lines), {categories[line.item] for line in second.lines}) == (
        102,
        {"learning", "living", "hygiene", "knowledge"},
    )
    assert (second.value_fen, second.effective_from) == (15_000, "2020-01-01")
    assert len(SERVICES) == 5
