"""Readings: one snapshot, what runs ahead of it, any time of before, what changed, and figures through time."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta

import msgspec
import pytest

from pandapack.contracts.donations import CHINA
from pandapack.contracts.public_log.fold import figures
from pandapack.decision import Decision, Refusal
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.store import EventPosition
from services.reporting.domain.as_of import BEFORE_ALL, as_of
from services.reporting.domain.changes import ENTRIES_COMPARED_MAX, flat
from services.reporting.domain.donations import ProgrammeDonations, ShardDonations
from services.reporting.domain.snapshots import Level
from services.reporting.store import Stores
from services.reporting.work.history import History, SeriesWanted
from services.reporting.work.readings import SHARDS_FRESH_S, Readings
from services.reporting.work.snapshots import Snapshots
from tests.unit.contracts.test_public_fold import Account, fold
from tests.unit.reporting.history import AT, PROGRAMME
from tests.unit.reporting.test_snapshots import ENTRIES, Log
from tests.unit.reporting.world import stores_in_memory

SHARD = ShardDonations(
    shard=0,
    programmes={PROGRAMME: ProgrammeDonations(count=7, fen_to=35, reversals=1, reversed_fen=5)},
    duplicates=2,
    conflicts=1,
)


class NoWay:
    looked_at = None
    lags = ()


class Read:
    """A log of so many entries, its snapshots, and shards that a test sets."""

    def __init__(self, log: Log, snapshots: Snapshots, stores: Stores) -> None:
        self.log, self.snapshots, self.stores = log, snapshots, stores
        self.readings = Readings(stores, snapshots, FixedClock(AT), NoWay())
        self.history = History(snapshots, log.kept)

    async def recorded(self, shard: ShardDonations) -> None:
        await self.stores.shards.change("0", lambda _: Decision(shard), EventPosition("/s", 1))

    async def grow(self, size: int) -> None:
        await self.log.grow(size)
        while await self.snapshots.follow():
            pass


async def reading(size: int) -> Read:
    log = Log()
    found = Read(log, log.process(), stores_in_memory())
    await found.grow(size)
    return found


AS_OF = [
    ("0", 0),
    ("12345", 12345),
    ("2021-11-11", datetime(2021, 11, 12, tzinfo=CHINA) - timedelta(microseconds=1)),
    ("2021-11-11T10:05:03+08:00", datetime(2021, 11, 11, 10, 5, 3, tzinfo=CHINA)),
    ("2021-11-11T02:05:03.5z", datetime(2021, 11, 11, 10, 5, 3, 500_000, tzinfo=CHINA)),
    ("0001-01-01", BEFORE_ALL),
    ("", None),
    ("-1", None),
    ("007", None),
    ("1e3", None),
    ("99999999999999999999", None),
    ("2021-02-30", None),
    ("2021-11-11T10:05:03", None),
    ("2021-11-11T10:05:03 08:00", None),
    ("11.11.2021", None),
    ("９", None),
    ("２０２１-11-11", None),
    ("2021-11-11T１０:05:03+08:00", None),
    ("9999-12-31", None),
]


@pytest.mark.parametrize(("text", "meant"), AS_OF, ids=[one[0] or "nothing" for one in AS_OF])
def test_as_of_is_a_size_a_moment_with_its_zone_or_the_end_of_a_day(text: str, meant: int | datetime | None) -> None:
    found = as_of(text)
    assert found == meant if meant is not None else isinstance(found, Refusal) and found.code == "as_of_invalid"


async def test_what_the_shards_have_beyond_the_snapshot_is_in_the_totals_and_in_nothing_else() -> None:
    found = await reading(0)
    await found.recorded(SHARD)
    now = await found.readings.now()
    assert now.stamp == {"size": 0, "at": None, "ahead": {"donations": 7, "received_fen": 35, "reversed_fen": 5}}
    shown = now.totals.values
    some = ("donations", "received_fen", "reversed_fen", "in_flight_fen", "duplicates", "conflicts", "refused")
    assert [shown[name] for name in some] == [7, 35, 5, 30, 2, 1, 0]
    assert shown["unallocated_fen"] == shown["banked_fen"] == 0
    (row,) = now.programmes.values["items"]
    assert (row["programme"], row["donations"], row["in_flight_fen"]) == (PROGRAMME, 7, 30)
    assert (await now.days(PROGRAMME)).values["items"] == now.countries.values["items"] == []
    assert now.conservation.values["laws"][0]["parts"] == []


async def test_nothing_is_ahead_of_a_log_that_knows_more_than_the_shards() -> None:
    found = await reading(len(ENTRIES))
    books = Account(ENTRIES).books
    await found.recorded(SHARD)
    now = await found.readings.now()
    assert now.stamp["ahead"] == {"donations": 0, "received_fen": 0, "reversed_fen": 5}
    assert now.totals.values["received_fen"] == figures.totals(books)["received_fen"]


async def test_the_json_of_a_snapshot_is_made_once_until_the_log_or_what_is_ahead_of_it_grows() -> None:
    found = await reading(40)
    first, again = await found.readings.now(), await found.readings.now()
    assert first.totals is again.totals and first.laws is again.laws
    assert msgspec.json.decode(first.written(first.totals)) == {**first.totals.values, "snapshot": first.stamp}
    table = first.countries
    await found.recorded(SHARD)
    await asyncio.sleep(SHARDS_FRESH_S)
    led = await found.readings.now()
    assert led.countries is table, "what is ahead is in no table but that of programmes"
    assert led.totals is not first.totals
    await found.grow(41)
    assert (await found.readings.now()).totals is not first.totals


async def test_as_of_any_size_and_moment_every_table_is_that_of_a_replay_from_nothing() -> None:
    found, chance = await reading(len(ENTRIES)), random.Random(1)
    times = [fold.read(entry)["at"] for entry in ENTRIES]
    asked = [(size, str(size)) for size in (chance.randrange(len(ENTRIES) + 1) for _ in range(50))]
    for _ in range(50):
        at = AT + timedelta(seconds=chance.randrange(-60, 30 * len(ENTRIES) + 60))
        asked.append((sum(datetime.fromisoformat(time) <= at for time in times), at.isoformat()))
    replayed = Account()
    for size, text in sorted(asked):
        one = await found.readings.as_of(text)
        assert not isinstance(one, Refusal)
        for entry in ENTRIES[replayed.books.size : size]:
            replayed.add(fold.read(entry))
        assert one.stamp == {"size": size, "at": replayed.books.at or None, "ahead": None}
        shown = {
            "totals": one.totals.values,
            "programme": one.programmes.values["items"],
            "country": one.countries.values["items"],
            "item": one.items.values["items"],
            "category": one.categories.values["items"],
            "content": one.contents.values["items"],
            "year": one.years.values["items"],
            "specification": one.specifications.values["items"],
            "indicator": one.indicators.values["items"],
            "complaint": one.complaints.values["items"],
            "day": (await one.days(None)).values["items"],
            "round": [figures.round_row(round) for round in await one.rounds("", 1_000)],
            "conservation": one.conservation.values,
        }
        assert shown == replayed.tables
        assert one.fresh == {"complete_to": None, "behind_s": None}


async def test_only_what_is_over_is_final() -> None:
    found = await reading(100)
    last = datetime.fromisoformat(found.snapshots.current.at)
    for text, is_final in (
        ("100", True),
        ((last - timedelta(seconds=1)).isoformat(), True),
        (last.isoformat(), False),
        ((last + timedelta(days=9)).isoformat(), False),
    ):
        one = await found.readings.as_of(text)
        assert not isinstance(one, Refusal) and one.is_final is is_final, text
    assert isinstance(await found.readings.as_of("101"), Refusal)


async def test_the_changes_of_the_entries_between_add_up_to_the_change_of_every_figure() -> None:
    found, chance = await reading(len(ENTRIES)), random.Random(2)
    for _ in range(20):
        first = chance.randrange(len(ENTRIES))
        end = min(len(ENTRIES), first + chance.randrange(2 * ENTRIES_COMPARED_MAX))
        after, sums = None, dict[str, int]()
        while True:
            shown = await found.history.changes(first, end, after)
            assert isinstance(shown, dict)
            for row in shown["figures"]:
                own = sum(entry["change"] for entry in row["entries"])
                sums[row["figure"]] = sums.get(row["figure"], 0) + own
                assert row["to"] - row["from"] == row["change"]
                assert all(first <= entry["index"] < end and entry["change"] for entry in row["entries"])
            if (after := shown["next"]) is None:
                break
        assert sums == {row["figure"]: row["change"] for row in shown["figures"]}
        assert (shown["from"]["size"], shown["to"]["size"]) == (first, end)


NO_CHANGES = [(5, 4, None, "changes_range_invalid"), (3, 9, 2, "changes_range_invalid"), (0, 99, None, "size_unknown")]


@pytest.mark.parametrize(("first", "end", "after", "code"), NO_CHANGES)
async def test_no_changes_are_told_of_what_is_no_range(first: int, end: int, after: int | None, code: str) -> None:
    found = await (await reading(20)).history.changes(first, end, after)
    assert isinstance(found, Refusal) and found.code == code


def wanted(figure: str, by: Level = Level.HOUR, limit: int = 1_000, **more: str | None) -> SeriesWanted:
    of = {"begin": None, "end": None, "programme": None, "country": None} | more
    return SeriesWanted(figure, by, of["begin"], of["end"], of["programme"], of["country"], limit)


@pytest.mark.parametrize("by", Level)
async def test_the_last_value_of_every_series_is_the_total(by: Level) -> None:
    found = await reading(len(ENTRIES))
    now = await found.readings.now()
    for figure, value in flat(figures.totals(now.snapshot.books)).items():
        shown = await found.history.series(wanted(figure, by, limit=10_000))
        assert isinstance(shown, dict) and shown["items"][-1]["value"] == value and shown["next"] is None
        assert shown["items"][-1]["size"] == len(ENTRIES)
    for row in now.countries.values["items"]:
        shown = await found.history.series(wanted("parcels.accepted", by, limit=10_000, country=row["country"]))
        assert isinstance(shown, dict) and shown["items"][-1]["value"] == row["parcels"]["accepted"]


async def test_a_series_goes_on_where_an_answer_ended_and_each_value_is_as_of_its_size() -> None:
    found = await reading(len(ENTRIES))
    whole = await found.history.series(wanted("received_fen", programme=PROGRAMME))
    assert isinstance(whole, dict)
    rows, begin = list[dict[str, int]](), None
    while True:
        shown = await found.history.series(wanted("received_fen", limit=3, begin=begin, programme=PROGRAMME))
        assert isinstance(shown, dict) and len(shown["items"]) <= 3
        rows += shown["items"]
        if (begin := shown["next"]) is None:
            break
    assert rows == whole["items"] and len(rows) > 6
    for row in rows:
        then = await found.readings.as_of(str(row["size"]))
        assert not isinstance(then, Refusal) and then.programmes.values["items"][0]["received_fen"] == row["value"]


NO_SERIES = [
    (wanted("pupils"), "figure_unknown"),
    (wanted("parcels"), "figure_unknown"),
    (wanted("duplicates", programme=PROGRAMME), "figure_unknown"),
    (wanted("received_fen", country="NP"), "figure_unknown"),
    (wanted("rounds", country="NP", programme=PROGRAMME), "series_of_both"),
    (wanted("rounds", begin="yesterday"), "as_of_invalid"),
    (wanted("rounds", end="12"), "as_of_invalid"),
]


@pytest.mark.parametrize(("asked", "code"), NO_SERIES)
async def test_there_is_no_series_of_what_is_no_figure(asked: SeriesWanted, code: str) -> None:
    found = await (await reading(20)).history.series(asked)
    assert isinstance(found, Refusal) and found.code == code
