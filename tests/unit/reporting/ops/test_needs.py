"""What needs a person: what services answer becomes matters, the most urgent first, each with what it holds up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.reporting.api.texts import TEXTS, Language, PageTexts
from services.reporting.domain.needs import overdue, stops
from services.reporting.domain.needs.dead_letters import groups_of_letters, letters_by_cause
from services.reporting.domain.needs.matters import (
    SHOWN_A_KIND_MAX,
    URGENCY,
    Costs,
    Kind,
    Matter,
    needs_of,
    ordered,
)

ROOT = TEXTS.parents[3]
RUNBOOK_FOLDER = ROOT / "docs" / "operations"
STATUSES = ("open", "replaying", "replayed", "discarded")
NOW = datetime(2021, 11, 11, 12, tzinfo=UTC)


def ago(**span: float) -> str:
    return (NOW - timedelta(**span)).isoformat()


def test_what_makes_figures_wrong_comes_before_what_stops_and_that_before_what_is_overdue() -> None:
    rows = [Matter(kind, kind.value, "donations") for kind in reversed(Kind)]
    assert [one.kind for one in ordered(rows)] == list(Kind)
    assert URGENCY[Kind.LAW_BROKEN] == 0 and URGENCY[Kind.MONEY_IDLE] == len(Kind) - 1


def test_of_one_kind_the_oldest_comes_first_and_what_has_no_known_time_last() -> None:
    old, new = NOW - timedelta(days=3), NOW
    rows = [
        Matter(Kind.INVOICE_HELD, "unknown", "procurement"),
        Matter(Kind.INVOICE_HELD, "small", "procurement", since=new, costs=Costs(fen=1)),
        Matter(Kind.INVOICE_HELD, "large", "procurement", since=new, costs=Costs(fen=2)),
        Matter(Kind.INVOICE_HELD, "old", "procurement", since=old),
    ]
    assert [one.id for one in ordered(rows)] == ["old", "large", "small", "unknown"]


def test_a_list_is_bounded_by_kind_and_the_rest_is_counted() -> None:
    many = [Matter(Kind.CUSTOMS_LONG, f"SH-{n:03d}", "logistics") for n in range(SHOWN_A_KIND_MAX + 7)]
    told = needs_of([*many, Matter(Kind.SHARD_GAP, "shard/1/5", "donations"), many[0]], ["logistics", "logistics"])
    assert [one.kind for one in told.matters] == [Kind.SHARD_GAP] + [Kind.CUSTOMS_LONG] * SHOWN_A_KIND_MAX
    assert told.more == {Kind.CUSTOMS_LONG: 7} and told.unknown == ("logistics",)


def stop(**fields: Any) -> dict[str, Any]:
    known = {"group": "panda.reporting", "topic": "procurement.events", "partition": 2, "offset": 41, "attempts": 7}
    return {**known, "since": ago(minutes=5), "reason": "UnreadableEvent: no JSON", **fields}


def test_a_partition_that_stands_still_has_the_command_that_retries_it_and_the_way_past_the_record() -> None:
    (one,) = stops.stopped_partitions("reporting", [stop()])
    assert one.command == "panda partition retry procurement.events/2 --service reporting"
    assert one.act is not None and one.act.path == "reporting/v1/partitions/procurement.events/2/retry"
    other = stops.set_aside_act(one)
    assert other is not None and other.is_tried_first and other.wants_reason
    assert other.path == "reporting/v1/partitions/procurement.events/2/records/41/set-aside"
    assert one.since == NOW - timedelta(minutes=5) and one.page == "docs/operations/poisoned-document.md"
    (gap,) = stops.stopped_partitions("donations", [stop(reason="the log begins at 7")])
    assert gap.page == "docs/operations/shard-gap.md"
    assert stops.set_aside_act(stops.silent_service("donations", None)) is None


def test_a_shard_at_a_gap_is_resumed_by_naming_just_that_gap() -> None:
    rows: list[dict[str, Any]] = [
        {"shard": 0, "gap": None},
        {"shard": 3, "gap": {"wanted": 100, "begins": 140, "since": ago(hours=1)}},
    ]
    (one,) = stops.shard_gaps(rows)
    assert one.command.startswith("panda shard resume 3 --wanted 100 --begins 140 --reason")
    assert one.act is not None and dict(one.act.fields) == {"wanted": "100", "begins": "140"}
    assert one.values["records"] == 40 and one.since == NOW - timedelta(hours=1)


def test_the_public_log_tells_that_it_stopped_and_what_waits_for_its_causes() -> None:
    waits = {"partition": "procurement.events/0", "since": ago(minutes=1), "event": "b", "lacking": ["a"]}
    found = stops.log_matters({"stopped": {"since": ago(hours=1), "reason": "two logs"}, "blocked": [waits]})
    assert {one.kind for one in found} == {Kind.LOG_STOPPED, Kind.LOG_BLOCKED}
    assert stops.log_matters({"stopped": None, "blocked": []}) == []


def test_a_stalled_partition_and_a_silent_service_are_told_since_when() -> None:
    stall = {
        "group": "panda.donations",
        "topic": "donations.pushed",
        "partition": 1,
        "records": 9,
        "since": ago(seconds=9),
    }
    (one,) = stops.stalled_partitions("donations", [stall])
    assert (one.values["records"], one.since) == (9, NOW - timedelta(seconds=9))
    assert stops.silent_service("donations", NOW).since == NOW


@pytest.mark.parametrize(("days", "is_told"), [(overdue.ORDER_DAYS_MAX - 1, False), (overdue.ORDER_DAYS_MAX, True)])
def test_an_order_that_nobody_confirms_is_told_once_its_term_is_over(days: int, is_told: bool) -> None:
    order = {"order": "O-000001-s", "supplier": "s", "round": "R-000001", "amount_fen_max": 500}
    found = overdue.untaken_orders([order], {"O-000001-s": NOW - timedelta(days=days)}, NOW)
    assert [(one.kind, one.costs.fen) for one in found] == ([(Kind.ORDER_UNTAKEN, 500)] if is_told else [])
    assert overdue.untaken_orders([order], {}, NOW) == [], "when it was placed is not known: nothing is claimed"


def test_a_held_invoice_tells_what_it_holds_up_and_why() -> None:
    held = {"invoice": "I-1", "amount_fen": 900, "reason": "above_limit"}
    (one,) = overdue.held_invoices([{"order": "O-1", "held": held}, {"order": "O-2", "held": None}], {})
    assert (one.costs.fen, one.values["why"], one.since) == (900, "above_limit", None)


def test_days_in_customs_are_counted_from_the_hold_that_stands_and_cost_what_the_round_has() -> None:
    released = {"held_at": ago(days=40), "released_at": ago(days=30)}
    standing = {"held_at": ago(days=6), "released_at": None}
    shipment = {"shipment": "SH-R-1", "round": "R-1", "country": "NP", "customs": [released, standing]}
    rounds = {"R-1": {"parcels_planned": 350, "funded_fen": 70_000}}
    (one,) = overdue.long_in_customs([shipment], rounds, NOW)
    assert one.values["days"] == 6 and one.costs == Costs(70_000, 350, 350)
    (unknown,) = overdue.long_in_customs([shipment], {}, NOW)
    assert unknown.costs == Costs(), "what it costs is not known, and so not nothing"
    assert overdue.long_in_customs([{**shipment, "customs": [released]}], rounds, NOW) == []


def consignment(**fields: Any) -> dict[str, Any]:
    school = {"handed_out": 90, "rejected": 4}
    known: dict[str, Any] = {"round": "R-1", "country": "NP", "round_parcels": 100, "schools": [school], "parked": []}
    return {**known, "closed": False, "arrived_at": ago(days=overdue.PROOF_DAYS_MAX), **fields}


def test_a_proof_is_overdue_where_schools_have_not_accounted_for_every_parcel_in_time() -> None:
    (one,) = overdue.overdue_proofs([consignment()], {}, NOW)
    assert one.costs == Costs(None, 6, 6) and one.values["parcels"] == 6
    for other in ({"arrived_at": None}, {"arrived_at": ago(days=2)}, {"closed": True}, {"round_parcels": 94}):
        assert overdue.overdue_proofs([consignment(**other)], {}, NOW) == []


def test_parked_reports_are_one_matter_a_round() -> None:
    parked = [{"kind": "delivery", "id": "D-1", "school": "s1"}, {"kind": "handout", "id": "H-1", "school": "s1"}]
    (one,) = overdue.parked_reports([consignment(parked=parked), consignment()])
    assert one.values["reports"] == 2 and one.id == "parked/R-1"


def test_parked_movements_are_one_matter_a_shipment() -> None:
    parked = [{"move": "arrival", "leg": 2, "at": "2021-11-11T02:00:00Z"}, {"move": "arrival", "leg": 1, "at": "x"}]
    (one,) = overdue.parked_movements([{"shipment": "SH-R-1", "parked": parked}, {"shipment": "SH-R-2", "parked": []}])
    assert (one.id, one.values["reports"], one.values["leg"]) == ("parked/SH-R-1", 2, "2")
    assert one.command == "panda journey shipment SH-R-1"


def test_reversals_are_one_matter_a_state_and_old_conflicts_are_left_to_the_books() -> None:
    rows = [{"at": ago(days=days), "amount_fen": 5} for days in (1, 2, 60)]
    (parked,) = overdue.reversal_matters("parked", rows, NOW)
    (conflicts,) = overdue.reversal_matters("conflict", rows, NOW)
    assert (parked.values["reversals"], parked.costs.fen, parked.since) == (3, 15, NOW - timedelta(days=60))
    assert (conflicts.values["reversals"], conflicts.costs.fen) == (2, 10)
    assert overdue.reversal_matters("conflict", rows[2:], NOW) == []


def test_money_is_idle_where_no_round_took_any_for_a_month() -> None:
    fund = {"programme": "p", "unallocated_fen": 700, "next_round": {"parcels": 40}, "rounds": 2}
    long_ago = NOW - timedelta(days=overdue.MONEY_DAYS_MAX)
    (one,) = overdue.idle_money(fund, long_ago, NOW)
    assert one.costs == Costs(700, 40, None)
    assert overdue.idle_money(fund, NOW, NOW) == [] and overdue.idle_money(fund, None, NOW) == []
    assert overdue.idle_money({**fund, "unallocated_fen": 0}, long_ago, NOW) == []


def test_impossible_headcounts_are_told_by_round() -> None:
    rows = [{"round": f"R-{n}", "country": "NP", "pupils_over_reported": n} for n in range(2)]
    (one,) = overdue.impossible_headcounts(rows)
    assert (one.id, one.costs.pupils) == ("headcount/R-1", 1)


def test_dead_letters_are_a_matter_a_cause_and_those_that_were_replayed_are_none() -> None:
    rows: list[dict[str, Any]] = [
        {"cause": "unmarked", "at": ago(hours=2), "replays": [], "platform": None},
        {"cause": "unmarked", "at": ago(hours=3), "replays": [], "platform": None},
        {"cause": "schema", "at": ago(hours=1), "replays": [{"by": "x"}], "platform": "shop"},
    ]
    (one,) = letters_by_cause(rows)
    assert one.values == {"cause": "unmarked", "rows": 2, "sender": "unvouched"}
    assert one.since == NOW - timedelta(hours=3)


def test_a_group_of_letters_is_previewed_by_its_button_until_somebody_has_settled_it() -> None:
    group = {"group": "g1", "status": "open", "cause": "schema", "sender": "shop", "open": 4, "first_at": ago(hours=1)}
    rows = [{**group, "message": {"en": "no amount", "zh": "没有金额"}, "status": status} for status in STATUSES]
    (one,) = groups_of_letters(rows)
    assert one.act is not None and dict(one.act.fields) == {"group": "g1"}
    assert (one.command, one.values["rows"], one.reason) == ("panda dlq preview --group g1", 4, "no amount")


def test_what_a_service_says_of_its_servers_and_its_outbox_is_a_matter() -> None:
    ready = {"ready": True, "store": "ok", "kafka": "ok", "outbox_age_s": 0.1, "poll_age_s": 60.0}
    assert stops.unwell("donations", ready) == [], "who is ready is polling: nothing came"
    ill = {"ready": False, "store": "away", "kafka": "ok", "outbox_age_s": 9.0, "poll_age_s": 60.0}
    assert [one.kind for one in stops.unwell("donations", ill)] == [
        Kind.STORE_STOPPED,
        Kind.KAFKA_STOPPED,
        Kind.OUTBOX_FULL,
    ]
    assert len(stops.unwell("donations", {**ill, "kafka": "away"})) == 3
    assert stops.unwell("donations", {}) == []


@pytest.mark.skipif(not RUNBOOK_FOLDER.is_dir(), reason="there are no runbooks here")
def test_each_kind_has_its_page_in_the_documents() -> None:
    for kind in Kind:
        assert (ROOT / Matter(kind, "x", "donations").page).is_file(), kind


@pytest.mark.parametrize("language", list(Language))
def test_each_kind_has_words_in_both_languages(language: Language) -> None:
    texts = PageTexts(language)
    for kind in Kind:
        assert texts.has(f"ops_need_{kind}") and texts.has(f"ops_kind_{kind}"), kind
