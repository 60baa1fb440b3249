"""What is banked of merchants' gifts is what settlements published, added up, whatever came in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.donations import DonationsBanked
from services.reporting.domain.banked import BankedMerchants, bank_merchants, banked_of_day, unnamed_in
from services.reporting.work.merchants import merchants_behind
from tests.unit.reporting.history import SourceEvent, donations, enveloped, records
from tests.unit.reporting.world import World

DAY = "2021-11-11"
MERCHANTS = st.dictionaries(
    st.sampled_from(["p:M1", "p:M2", "p:M3"]), st.tuples(st.integers(1, 1_000), st.integers(1, 10_000)), max_size=3
)


@given(st.lists(MERCHANTS, max_size=12), st.integers(0, 12))
def test_documents_added_up_are_the_sum_of_what_was_published(told: list[dict[str, tuple[int, int]]], cut: int) -> None:
    parts = [BankedMerchants(), BankedMerchants()]
    for number, merchants in enumerate(told):
        place = int(number < cut)
        parts[place] = bank_merchants(parts[place], DAY, merchants).state
    found = banked_of_day(parts)
    for merchant in ("p:M1", "p:M2", "p:M3"):
        cells = [one[merchant] for one in told if merchant in one]
        assert found.of(merchant) == (sum(count for count, _ in cells), sum(fen for _, fen in cells))


def settled(merchants: dict[str, tuple[int, int]], count: int = 0, fen: int = 0) -> DonationsBanked:
    count, fen = (sum(cell[at] for cell in merchants.values()) + more for at, more in ((0, count), (1, fen)))
    return DonationsBanked(settlement="stl_1", programme="sports", day=DAY, count=count, fen=fen, merchants=merchants)


def test_where_an_event_does_not_tell_of_merchants_nothing_is_claimed_of_any_of_them() -> None:
    state = bank_merchants(BankedMerchants(), DAY, {"p:M1": (1, 5)}).state
    assert banked_of_day([state]).of("p:M1") == (1, 5)
    state = bank_merchants(state, DAY, {}, unnamed_in(settled({}, count=2, fen=9))).state
    assert state.unnamed == (2, 9)
    assert banked_of_day([state]).of("p:M1") is None


async def test_merchants_show_what_is_banked_beside_what_was_received() -> None:
    event = settled({"M0": (1, 5)}).model_copy(update={"programme": "love-parcel"})
    source: SourceEvent = ("/donations/settlements/stl_1", event)
    world = World()
    events = records(enveloped([donations(0, 1, 0, [5, 7]), source]))
    for _ in range(2):  # and the same events once more
        for one in events:
            await world.handlers.archive([one])
    rows = await merchants_behind(world.stores.merchants, world.stores.banked_merchants, DAY, "", 10)
    assert rows == {"M0": ((2, 12), (1, 5))}


async def test_of_a_days_settlements_a_document_remembers_where_the_log_is_and_not_which_they_were() -> None:
    world = World()
    many: list[SourceEvent] = [
        (f"/donations/settlements/stl_{number}", settled({"M1": (1, 5)})) for number in range(50)
    ]
    for _ in range(2):
        for one in records(enveloped(many)):
            await world.handlers.archive([one])
    parts = [one for _, one in await world.stores.banked_merchants.find({})]
    assert banked_of_day(parts).of("M1") == (50, 250)
    for document in await world.stores.banked_merchants.documents.find({}):
        assert set(document.inbox) <= {f"donations/{number}" for number in range(4)}
