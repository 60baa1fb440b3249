"""The public forms: what is private is nowhere in an entry, and an entry is read for ever.

A form names what is public, so these tests plant a canary in everything that it does not name.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.acts import DonationsActed
from pandapack.contracts.causation import Actor, Causation, Cause
from pandapack.contracts.dead_letters import ABOUT_DEAD_LETTERS
from pandapack.contracts.donations import (
    DayPart,
    DonationsRecorded,
    DonationsReversed,
    PageSealed,
    ProgrammeInterval,
    ProgrammeReversal,
)
from pandapack.contracts.envelope import Event, encode, envelop, known_types
from pandapack.contracts.procurement import FenInterval, FundCredited, RoundFunded, SchoolShare
from pandapack.contracts.public_log.entries import HEAD_FIELDS, Journaled, entries_of
from pandapack.contracts.public_log.forms import FORMS, Form
from pandapack.contracts.public_log.schemas import schemas
from pandapack.contracts.public_log.set_aside import EVENT_SET_ASIDE
from pandapack.contracts.public_log.sums import SUMMED, summed_entries
from pandapack.contracts.public_log.suppression import CELL_MIN, district_cells
from pandapack.contracts.public_log.veil import Veil
from pandapack.contracts.tlog.tiles import ENTRY_BYTES_MAX
from tests.unit.contracts import public_log_samples as samples
from tests.unit.contracts.public_log_samples import AT, TYPES, VEIL, journaled, sample_of, source_of, written

PUBLISHERS = ("donations", "procurement", "logistics", "reporting")
PUBLIC_TEXTS = (
    *("programme", "country", "specification", "round", "category", "shipment", "item", "was", "now", "mode"),
    *("origin", "destination", "day", "at", "effective_from", "unit", "hs_code", "items.id", "specifications.id"),
    *("root", "name.zh", "name.en", "motto.zh", "motto.en"),
    *("indicator", "kind", "first_day", "last_day"),
)
"""Texts that the pages show, and those (enums, days) that a canary would not be."""
PRIVATE_NUMBERS = (
    *("enrolled", "girls", "boys", "amount_fen_max", "price_tolerance_per_mille", "merchants"),
    *("invoice_fen_max_unapproved", "services_fen_max", "ordinals", "accepted[]", "rejected[]", "page"),
    *("contingency_per_mille", "catalogue.unit_price_fen", "catalogue.pack_size", "services.fen_per_parcel"),
)
KEYED_BY_PARTIES = ("merchants",)
CANARY_NUMBER = 987_654_321
CANARY_TIME = "2021-03-20T09:31:17+08:00"


class Canaries:
    """Plants one in every private field of an event's JSON, and looks for them."""

    def __init__(self, type: str) -> None:
        self._is_page_public = type == PageSealed.TYPE
        self.planted: list[str] = [str(CANARY_NUMBER), "09:31:17", "01:31:17"]
        self._numbers = count(1)

    def text(self) -> str:
        self.planted.append(f"canary{next(self._numbers)}x")
        return self.planted[-1]

    def into(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        if isinstance(value, dict):
            is_private = bool(path) and path[-1] in KEYED_BY_PARTIES
            return {self.text() if is_private else k: self.into(v, (*path, k)) for k, v in value.items()}
        if isinstance(value, list):
            return [self.into(one, (*path[:-1], f"{path[-1]}[]") if isinstance(one, int) else path) for one in value]
        names = {path[-1], ".".join(path[-2:]), *path[:-1]} if path else set()
        if isinstance(value, str):
            if path[-1] == "at":
                return CANARY_TIME
            return value if {path[-1], ".".join(path[-2:])} & set(PUBLIC_TEXTS) else self.text()
        if path == ("page",) and self._is_page_public:
            return value
        if isinstance(value, int) and not isinstance(value, bool) and names & set(PRIVATE_NUMBERS):
            return CANARY_NUMBER
        return value

    def found_in(self, entries: list[bytes]) -> list[str]:
        return [one for one in self.planted for entry in entries if one.encode() in entry]


def whole(type: str) -> dict[str, Any]:
    """An event with every optional field filled, and with fewer parcels than may be shown for a place."""
    event = json.loads(sample_of(type).model_dump_json())
    event |= {name: f"some-{name}" for name in ("warehouse", "payee", "party") if name in event}
    event |= {name: {"freight": value} for name, value in (("services_fen_max", 9),) if name in event}
    if type == "procurement.ParcelsPacked":
        event["services"] = {"freight": "some-party"}
    event |= {name: 9 for name in ("enrolled", "invoice_fen_max_unapproved") if name in event}
    event |= {"accepted": [1, 2], "rejected": [3]} if type == "logistics.ParcelsDelivered" else {}
    event |= {"parcels": 3} if type == "logistics.ParcelsHandedOut" else {}
    for share in event.get("schools", ()):
        share["parcels"] = 3
    for day in event.get("days", ()) if isinstance(event.get("days"), list) else ():
        day["merchants"] = {"shop:M1": [1, 5]}
    if type == "donations.DonationsBanked":
        event["merchants"] = {"shop:M1": [1, 5]}
    return event


@pytest.mark.parametrize("type", sorted(TYPES))
def test_no_canary_of_a_private_field_is_in_an_entry(type: str) -> None:
    canaries = Canaries(type)
    event = TYPES[type].model_validate(canaries.into(whole(type)))
    secret = Causation(
        (Cause(f"/procurement/orders/{canaries.text()}", 1, 2),),
        Actor(canaries.text(), canaries.text(), canaries.text()),
        canaries.text(),
        canaries.text(),
        canaries.text(),
    )
    envelope = envelop(event, source=source_of(event), number=7, at=AT, causation=secret)
    one = Journaled(envelope, encode(envelope))
    entries = summed_entries([one], AT, VEIL) if type.startswith("donations.") else entries_of([one], AT, VEIL)
    assert len(canaries.planted) > 8 and canaries.found_in(entries) == []
    assert all(canary.encode() in one.hashed for canary in canaries.planted if "canary" in canary)


@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_every_event_has_a_public_form_or_is_added_up(publisher: str) -> None:
    ours = {name for name in known_types() if name.startswith(f"{publisher}.")}
    assert {name for name in TYPES if name.startswith(f"{publisher}.")} == ours


@pytest.mark.parametrize("type", sorted(TYPES))
def test_an_entry_is_written_as_its_golden_sample(type: str) -> None:
    (entry,) = written(sample_of(type))
    assert entry + b"\n" == (samples.SAMPLES / f"{type}.json").read_bytes()
    assert json.dumps(json.loads(entry), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == entry


@pytest.mark.parametrize("type", sorted(TYPES))
def test_an_entry_fits_the_schema_that_is_published(type: str) -> None:
    assert (samples.SCHEMAS / f"{type}.schema.json").read_text() == samples.schema_text(type)
    validator = jsonschema_rs.validator_for(schemas()[type], validate_formats=True)
    (entry,) = written(sample_of(type))
    validator.validate(json.loads(entry))
    assert not validator.is_valid({**json.loads(entry), "school": "NP-S03"})


def test_an_event_that_was_set_aside_is_an_entry_that_says_so_and_nothing_that_it_told() -> None:
    (entry,) = samples.set_aside()
    assert entry + b"\n" == (samples.SAMPLES / f"{EVENT_SET_ASIDE}.json").read_bytes()
    assert (samples.SCHEMAS / f"{EVENT_SET_ASIDE}.schema.json").read_text() == samples.schema_text(EVENT_SET_ASIDE)
    jsonschema_rs.validator_for(schemas()[EVENT_SET_ASIDE], validate_formats=True).validate(json.loads(entry))
    paid = json.loads(written(sample_of("procurement.OrderPaid"))[0])
    told = json.loads(entry)
    assert [told[name] for name in ("source", "sequence", "hash")] == [
        paid[name] for name in ("source", "sequence", "hash")
    ]
    assert set(told) == {*HEAD_FIELDS, "event_type", "reason", "breaks"} and told["breaks"] == "money"


def test_a_set_aside_event_whose_time_cannot_be_read_is_told_with_the_day_of_the_log() -> None:
    one = journaled(sample_of("procurement.FundCredited"))
    broken = replace(one, envelope=msgspec.structs.replace(one.envelope, time="soon"), is_set_aside=True)
    (entry,) = entries_of([broken], AT, VEIL)
    assert json.loads(entry)["on"] == "2021-03-02" and not broken.is_summed


class Landed(Event):
    """Of a release to come."""

    TYPE = "mars.Landed"

    rover: str


def test_an_event_without_a_form_is_an_entry_with_nothing_but_its_hash() -> None:
    envelope = envelop(Landed(rover="secret"), source="/mars/rovers/secret", number=1, at=AT)
    for entries in (entries_of, summed_entries):
        (entry,) = entries([Journaled(envelope, encode(envelope))], AT, VEIL)
        read = json.loads(entry)
        assert set(read) == {"v", "type", "at", "on", "source", "sequence", "hash"} and b"secret" not in entry
        assert read["source"] == f"/mars/rovers/{VEIL.name('/mars/rovers/secret')}"


def test_a_hash_matches_its_event_alone_and_cannot_be_tried_without_the_secret() -> None:
    one, other = journaled(sample_of("procurement.OrderPaid")), journaled(sample_of("procurement.OrderPaid"), 8)
    hashed = VEIL.hash_of(one.envelope.key, [one.hashed])
    assert hashed == VEIL.hash_of(one.envelope.key, [bytes(one.hashed)])
    assert hashed != VEIL.hash_of(other.envelope.key, [one.hashed])  # the same bytes have another salt there
    assert hashed != VEIL.hash_of(one.envelope.key, [other.hashed])
    assert hashed != Veil("5f" * 32).hash_of(one.envelope.key, [one.hashed])


@pytest.mark.parametrize("secret", ["", "5e", "zz" * 32, "5e" * 33])
def test_a_secret_that_is_not_32_bytes_in_hex_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Veil(secret)


def recorded(number: int, fen_from: int, merchant: str) -> Journaled:
    event = DonationsRecorded(
        shard=3,
        page=1,
        count=2,
        intervals=(ProgrammeInterval(programme="p", fen_from=fen_from, fen_to=fen_from + 9, count=2),),
        days=(DayPart(programme="p", day="2021-03-01", count=2, fen=9, merchants={merchant: (2, 9)}),),
        duplicates=1,
    )
    return journaled(event, number)


def test_what_a_shard_recorded_together_is_one_entry_of_sums_before_what_it_took_back() -> None:
    reversal = ProgrammeReversal(programme="p", count=1, fen_from=0, fen_to=4, days={"2021-03-02": (1, 4)})
    back = journaled(DonationsReversed(shard=3, page=1, reversals=(reversal,)), 8)
    entries = summed_entries([recorded(7, 0, "shop:A"), back, recorded(9, 9, "shop:B")], AT, VEIL)
    recorded_, taken = map(json.loads, entries)
    assert (recorded_["first_sequence"], recorded_["sequence"], taken["sequence"]) == (7, 9, 8)
    assert recorded_["days"] == [{"programme": "p", "day": "2021-03-01", "count": 4, "fen": 18}]
    assert recorded_["intervals"] == [{"programme": "p", "fen_from": 0, "fen_to": 18}] and recorded_["duplicates"] == 2
    assert taken["days"] == [{"programme": "p", "day": "2021-03-02", "count": 1, "fen": 4}]


def test_the_seal_of_a_page_stands_behind_all_that_came_with_it() -> None:
    seal = journaled(sample_of("donations.PageSealed"), 18)
    entries = summed_entries([recorded(7, 0, "shop:A"), seal, recorded(8, 9, "shop:B")], AT, VEIL)
    recorded_, sealed = map(json.loads, entries)
    assert (recorded_["first_sequence"], recorded_["sequence"]) == (7, 8)
    assert (sealed["source"], sealed["sequence"], sealed["page"]) == ("/donations/seals/3", 18, 17)


def test_credits_of_a_fund_that_follow_each_other_are_one_entry() -> None:
    credits = [
        journaled(FundCredited(programme="p", credited_fen=fen, applied_fen={0: front}), number)
        for number, (fen, front) in enumerate(((5, 5), (7, 12), (1, 13)), 4)
    ]
    (entry,) = map(json.loads, entries_of(credits, AT, VEIL))
    assert (entry["first_sequence"], entry["sequence"]) == (4, 6)
    assert (entry["credited_fen"], entry["applied_fen"]) == (13, {"0": 13})


def test_what_is_too_long_for_one_entry_goes_on_in_the_next_and_its_sums_stand_in_the_first() -> None:
    intervals = tuple(FenInterval(shard=n, fen_from=n * 10**9, fen_to=n * 10**9 + 7) for n in range(4_000))
    sample = sample_of("procurement.RoundFunded")
    assert isinstance(sample, RoundFunded)
    entries = written(sample.model_copy(update={"intervals": intervals}))
    read = [json.loads(entry) for entry in entries]
    assert len(entries) > 1 and max(map(len, entries)) <= ENTRY_BYTES_MAX
    assert [one["part"] for one in read] == list(range(1, len(entries) + 1))
    assert {one["parts"] for one in read} == {len(entries)} and len({one["hash"] for one in read}) == 1
    assert [i["shard"] for one in read for i in one["intervals"]] == list(range(4_000))
    assert ["reserved_fen" in one for one in read] == [True] + [False] * (len(entries) - 1)
    validator = jsonschema_rs.validator_for(schemas()["procurement.RoundFunded"])
    assert all(validator.is_valid(one) for one in read)


def share(district: str, pupils: int, parcels: int) -> SchoolShare:
    return SchoolShare(school="S", district=district, pupils=pupils, parcels=parcels)


@pytest.mark.parametrize(
    ("schools", "shown"),
    [
        ([("A", 9, 9)], [("A", 9, 9)]),
        ([("A", 3, 3), ("A", 3, 3)], [("A", 6, 6)]),
        ([("A", 9, 4)], [(None, 9, 4)]),
        ([("A", 9, 9), ("B", 3, 3), ("C", 3, 3)], [("A", 9, 9), (None, 6, 6)]),
        ([("A", 99, 99), ("B", 3, 3), ("C", 7, 8)], [("A", 99, 99), (None, 10, 11)]),
    ],
)
def test_small_districts_are_shown_together_and_another_joins_them_where_they_are_few(
    schools: list[tuple[str, int, int]], shown: list[tuple[str | None, int, int]]
) -> None:
    cells = district_cells(share(*one) for one in schools)
    assert [(cell["district"], cell["pupils"], cell["parcels"]) for cell in cells] == shown


@given(st.lists(st.builds(share, st.sampled_from("ABCDEF"), st.integers(0, 12), st.integers(0, 12)), max_size=12))
def test_no_cell_of_a_district_is_small_and_nothing_is_lost(schools: list[SchoolShare]) -> None:
    cells = district_cells(schools)
    named = [cell for cell in cells if cell["district"] is not None]
    assert all(min(int(str(cell["pupils"])), int(str(cell["parcels"]))) >= CELL_MIN for cell in named)
    assert sum(int(str(cell["pupils"])) for cell in cells) == sum(one.pupils for one in schools)
    assert sum(int(str(cell["parcels"])) for cell in cells) == sum(one.parcels for one in schools)


def test_forms_name_no_donation_by_itself() -> None:
    assert [event for event in FORMS if event.TYPE.startswith("donations.")] == [
        PageSealed,
        DonationsActed,
        *ABOUT_DEAD_LETTERS,
    ]
    assert all(FORMS[event] == Form(()) for event in (DonationsActed, *ABOUT_DEAD_LETTERS))
    assert {event.TYPE.partition(".")[0] for event in SUMMED} == {"donations"}


def test_what_moved_no_figure_is_set_aside_without_a_law_that_lacks_it() -> None:
    one = replace(journaled(sample_of("reporting.OperatorActed")), is_set_aside=True)
    (entry,) = entries_of([one], AT, VEIL)
    jsonschema_rs.validator_for(schemas()[EVENT_SET_ASIDE], validate_formats=True).validate(json.loads(entry))
    assert json.loads(entry)["breaks"] == "none"
