"""Needs: opened once, met by rounds; and how rounds are dealt out between needs and schools."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.procurement import RoundFunded
from pandapack.decision import Decision, Refusal
from services.procurement.domain.allocation import (
    NeedShare,
    Ordinals,
    after_round,
    deal,
    is_among,
    next_need,
    with_ordinal,
)
from services.procurement.domain.need import Need, NeedRequest, NeedStatus, fund, open_need
from tests.unit.procurement.programme import PROGRAMME, schools, small

AT = datetime(2020, 1, 1, tzinfo=UTC)
REQUEST = NeedRequest(programme=PROGRAMME, country="NP", specification="small", schools=schools(3, 3))


def opened() -> Need:
    decision = open_need(Need(need="need-np"), REQUEST, 1, small(), AT)
    assert isinstance(decision, Decision)
    return decision.state


def funded(parcels: int, before: int = 0) -> RoundFunded:
    return RoundFunded(
        round="R-000001",
        ordinal=1,
        programme=PROGRAMME,
        publication=1,
        need="need-np",
        country="NP",
        specification="small",
        parcels=parcels,
        plan_fen={},
        contingency_fen=0,
        reserved_fen=0,
        intervals=(),
        parcels_before=before,
        meets_need=before + parcels == 6,
    )


def test_a_need_is_opened_with_all_parcels_of_its_schools() -> None:
    assert (opened().status, opened().parcels) == (NeedStatus.OPEN, 6)


def test_a_need_is_met_when_rounds_have_funded_all_of_it() -> None:
    half = fund(opened(), funded(4)).state
    whole = fund(half, funded(2, before=4)).state
    assert (half.status, half.funded_parcels) == (NeedStatus.OPEN, 4)
    assert (whole.status, whole.rounds) == (NeedStatus.MET, 2)


@pytest.mark.parametrize(
    ("state", "change", "code"),
    [
        (opened(), {}, "need_known"),
        (Need(need="n"), {"specification": "large"}, "specification_unknown"),
        (Need(need="n"), {"schools": (*schools(1), *schools(2))}, "school_named_twice"),
    ],
)
def test_what_cannot_be_met_is_refused(state: Need, change: dict[str, object], code: str) -> None:
    refusal = open_need(state, REQUEST.model_copy(update=change), 1, small(), AT)
    assert isinstance(refusal, Refusal) and refusal.code == code


def test_a_country_without_rates_is_refused() -> None:
    only_nepal = tuple(rate.model_copy(update={"country": "NP"}) for rate in small().services[1:])
    programme = small().model_copy(update={"services": only_nepal})
    refusal = open_need(Need(need="n"), REQUEST.model_copy(update={"country": "KH"}), 1, programme, AT)
    assert isinstance(refusal, Refusal) and refusal.code == "country_not_served"


def share(need: str, parcels: int, funded_parcels: int) -> NeedShare:
    return NeedShare(need=need, country="NP", specification="small", parcels=parcels, funded_parcels=funded_parcels)


def test_the_greatest_unmet_share_comes_first_and_of_equals_the_first_id() -> None:
    half, third = share("a", 10, 5), share("b", 90, 60)
    assert next_need([third, half]) == half
    assert next_need([share("b", 4, 2), share("a", 10, 5)]) == half
    assert next_need([share("a", 5, 5)]) is None


@given(st.permutations([share("a", 10, 2), share("b", 5, 1), share("c", 40, 8), share("d", 3, 3)]))
def test_the_next_need_does_not_depend_on_the_order_in_which_needs_were_opened(needs: list[NeedShare]) -> None:
    following = next_need(needs)
    assert following is not None and following.need == "a"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 7))
def test_rounds_deal_a_need_out_school_after_school_and_leave_none_out(parcels: list[int], size: int) -> None:
    need = NeedShare(need="n", country="NP", specification="small", parcels=sum(parcels))
    dealt: dict[str, int] = {}
    while next_need([need]) is not None:
        count = min(size, need.parcels - need.funded_parcels)
        for one in deal(schools(*parcels), need.funded_parcels, count):
            dealt[one.school] = dealt.get(one.school, 0) + one.parcels
        need = after_round(need, count)
    assert list(dealt.values()) == parcels


@given(st.permutations(range(1, 9)))
def test_numbers_that_came_in_any_order_without_gaps_are_one_run(numbers: list[int]) -> None:
    runs: Ordinals = ()
    for number in numbers:
        assert not is_among(runs, number)
        runs = with_ordinal(runs, number)
        assert is_among(runs, number)
    assert runs == ((1, 8),)
