"""Which forms are forwarded, as what, and where they lead back to."""

from __future__ import annotations

import pytest

from services.reporting.api.ops_acts import COMMANDS, body_of, command_at
from services.reporting.api.ops_told import back_to
from services.reporting.api.sparks import POINTS_MAX, History, line

RETRY = "v1/partitions/procurement.events/2/retry"
SET_ASIDE = "v1/partitions/procurement.events/2/records/41/set-aside"
ALLOWED = [
    ("donations", RETRY, "POST", "retry"),
    ("reporting", SET_ASIDE, "POST", "set_aside"),
    ("donations", "v1/shards/3/resume", "POST", "resume"),
    ("donations", "v1/dead-letters/previews", "POST", "preview"),
    ("donations", "v1/dead-letters/replays", "POST", "replay"),
    ("donations", "v1/dead-letters/replays/job-1/stop", "POST", "stop"),
    ("donations", "v1/dead-letters/discards", "POST", "discard"),
    ("reporting", "v1/alerts/no_progress/acknowledgements", "POST", "acknowledge"),
    ("reporting", "v1/silences", "POST", "silence"),
    ("reporting", "v1/silences/abc", "DELETE", "unsilence"),
]
REFUSED = [
    ("donations", "v1/keys", "POST"),
    ("donations", "v1/donations", "POST"),
    ("procurement", "v1/shards/3/resume", "POST"),
    ("elsewhere", RETRY, "POST"),
    ("donations", RETRY, "DELETE"),
    ("donations", f"{RETRY}/", "POST"),
    ("donations", f"{RETRY}?x=1", "POST"),
    ("donations", "v1/partitions/../2/retry", "POST"),
    ("donations", "v1/partitions/a/../../keys/2/retry", "POST"),
    ("donations", f"{RETRY}\n", "POST"),
    ("reporting", "v1/silences/..", "DELETE"),
]


@pytest.mark.parametrize(("service", "path", "method", "name"), ALLOWED)
def test_a_listed_command_is_forwarded(service: str, path: str, method: str, name: str) -> None:
    found = command_at(service, path, method)
    assert found is not None and found.name == name


@pytest.mark.parametrize(("service", "path", "method"), REFUSED)
def test_nothing_else_is(service: str, path: str, method: str) -> None:
    assert command_at(service, path, method) is None


def body(name: str, *given: tuple[str, str]) -> dict[str, object]:
    return body_of(next(one for one in COMMANDS if one.name == name), given)


def test_a_form_becomes_the_commands_body_and_what_is_no_field_of_it_is_left_out() -> None:
    form = [("reason", " gone "), ("wanted", "100"), ("begins", "140"), ("_back", "/ops"), ("role", "operator")]
    assert body("resume", *form) == {"reason": "gone", "wanted": 100, "begins": 140}
    assert body("set_aside", ("dry_run", "true"), ("reason", ""), ("breaks", "")) == {"dry_run": True}
    assert body("retry", ("reason", "x")) == {}


def test_an_edited_line_stands_at_its_address_as_it_was_typed() -> None:
    form = [("addresses", "t/0/1"), ("edited", ""), ("addresses", "t/0/2"), ("edited", "one\r\ntwo")]
    assert body("replay", *form) == {"addresses": ["t/0/1", "t/0/2"], "edited": {"t/0/2": "one\ntwo"}}


def test_a_number_that_is_none_and_a_form_that_is_too_long_are_refused() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        body("resume", ("wanted", "many"))
    with pytest.raises(ValueError, match="fields"):
        body("resume", *[("reason", "x")] * 1_000)


@pytest.mark.parametrize(
    ("page", "leads"),
    [
        ("/ops?lang=zh&told=old", "/ops?lang=zh&told=new#told"),
        ("/ops/dead-letters/g1", "/ops/dead-letters/g1?told=new#told"),
        ("https://elsewhere/ops", "/ops?told=new#told"),
        ("//elsewhere/ops", "/ops?told=new#told"),
        ("/\\elsewhere", "/ops?told=new#told"),
        ("/ops/act/donations/v1/keys", "/ops?told=new#told"),
        ("/opsx", "/ops?told=new#told"),
        ("javascript:1", "/ops?told=new#told"),
    ],
)
def test_an_act_leads_back_to_a_page_of_ours_alone(page: str, leads: str) -> None:
    assert back_to(page, "new") == leads


def test_a_spark_has_a_gap_where_nothing_is_known_and_none_where_there_is_no_line() -> None:
    assert line([]) == line([None, 3.0, None]) == ""
    assert line([0.0, None, 2.0, 2.0]).count("M") == 2
    assert line([0.0] * 360).count("L") == POINTS_MAX - 1
    peak = line([0.0] * 100 + [9.0] + [0.0] * 259)
    assert " 1.0" in peak, "the one peak of an hour is drawn to the top"


def test_a_history_finds_a_hops_figures_and_tells_nothing_of_one_that_it_does_not_know() -> None:
    hop = {"from": "merchants", "to": "donations", "group": "g", "topic": "donations.pushed"}
    rows = [{"hops": [{**hop, "lag_s": float(n)}], "flow": {"donations_per_s": n}} for n in range(3)] + [{}]
    history = History(rows)
    assert history.of_hop(hop, "lag_s") and history.of_flow("donations_per_s")
    assert history.of_hop({**hop, "to": "reporting"}, "lag_s") == history.of_business_lag("p50_s") == ""
