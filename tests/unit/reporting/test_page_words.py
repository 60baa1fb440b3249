"""What the public page says of figures and of a gift that is followed is so to the letter, in both languages."""

from __future__ import annotations

import json
import re

import pytest

from pandapack.contracts import logistics
from pandapack.contracts.logistics import CustomsHeld, CustomsReleased
from services.reporting.api.texts import TEXTS, Language, PageTexts
from services.reporting.settings import Settings
from simulator.chapters import DISTRICTS
from simulator.routes import COUNTRIES, ROUTES
from tests.unit.reporting.history import SourceEvent, bought, donations, programme
from tests.unit.reporting.rendered import answered, plain, public_page, trace_shown, traced

LANGUAGES = ("en", "zh")
GIVEN_BACK_AT = "2021-11-12T17:30:00+00:00"
"""In China that is the thirteenth already."""
ROUND_OPENED = [*programme()[:5], *bought("R-000001", "NP")[:4]]
"""The history until its first order is confirmed: nothing is paid."""
CATALOGUE = json.loads(TEXTS.read_text())


def headline(page: str) -> str:
    found = re.search("<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
    assert found
    return plain(found[1])


# --- a gift that is followed --------------------------------------------------------------------------


async def test_a_gift_that_was_given_back_in_full_says_so_first_and_claims_no_parcel() -> None:
    trace = traced(reversals=[(2, "2021-11-11T17:00:00+00:00"), (3, GIVEN_BACK_AT)])
    shown = plain(await trace_shown("en", trace))
    when = "2 fen on 12 November 2021; 3 fen on 13 November 2021"
    assert shown.startswith(f"This gift was given back in full ({when}): it pays for no parcel.")
    assert not re.search(r"R-000001-\d+|paid for|Handed|1/\d", shown)
    answer = answered(trace)
    assert (answer["state"], answer["funded"]) == ("given_back", False)
    assert [piece["parcel"] for piece in answer["pieces"]] == [None]
    assert plain(await trace_shown("zh", trace)).startswith(
        "这笔捐赠已全额退还（2021年11月12日退还 2 分；2021年11月13日退还 3 分）"
    )


async def test_a_gift_that_was_given_back_in_part_says_how_much_and_follows_the_rest() -> None:
    trace = traced(reversals=[(3, GIVEN_BACK_AT)])
    shown = plain(await trace_shown("en", trace))
    assert shown.startswith("Of the 5 fen of this gift, 3 fen were given back (3 fen on 13 November 2021)")
    assert "Of this gift, 2 fen paid for" in shown and "5 fen paid for" not in shown
    answer = answered(trace)
    assert (answer["state"], answer["funded"]) == ("funded", True)
    assert [(piece["fen"], piece["state"]) for piece in answer["pieces"]] == [(2, "funded"), (3, "given_back")]
    assert (
        answer["message"]["en"].startswith("Of its 5 fen, 3 were given back") and "2 fen paid" not in answer["message"]
    )


async def test_a_trace_adds_what_was_paid_and_not_what_was_planned() -> None:
    answer = answered(traced())["pieces"][0]["round"]
    assert (answer["paid_fen"], answer["planned_fen"]) == (890 + 80, 0)
    assert "¥9.70 paid" in plain(await trace_shown("en", traced()))
    assert "¥9.80" not in await trace_shown("en", traced())


@pytest.mark.parametrize(("lang", "told"), [("en", "planned; nothing is paid yet"), ("zh", "计划 9.00 元，尚未支付")])
async def test_where_nothing_is_paid_a_trace_says_planned(lang: str, told: str) -> None:
    shown = plain(await trace_shown(lang, traced(ROUND_OPENED)))
    assert told in shown
    assert not re.search("paid for|支付了", shown), "nothing was"


async def test_a_trace_with_some_paid_and_some_planned_adds_neither_to_the_other() -> None:
    partly = [*programme()[:5], *bought("R-000001", "NP")[:11]]
    assert "¥8.90 paid; ¥0.80 planned, not yet paid" in plain(await trace_shown("en", traced(partly)))


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_a_hash_of_a_paper_that_is_not_kept_is_not_shown(lang: str) -> None:
    assert "ab" * 32 not in await trace_shown(lang, traced())
    parcel = answered(traced())["pieces"][0]["parcel"]
    assert parcel["delivered_at"] and "proof_sha256" not in parcel
    assert answered(traced(), staff=True)["pieces"][0]["parcel"]["proof_sha256"] == "ab" * 32


async def test_what_a_proof_of_delivery_is_stands_in_words() -> None:
    assert "The paper itself is not kept here" in await trace_shown("en", traced())


def with_customs(*events: logistics.CustomsHeld | logistics.CustomsReleased) -> list[SourceEvent]:
    """The history with these stops in place of its own."""
    rest = [one for one in programme() if not isinstance(one[1], CustomsHeld | CustomsReleased)]
    return [*rest, *(("/logistics/shipments/SH-R-000001", event) for event in events)]


SHIP = {"shipment": "SH-R-000001", "round": "R-000001", "country": "NP"}
HELD = CustomsHeld(**SHIP, reason="documents_incomplete", at="2021-11-12T02:00:00+00:00")
RELEASED = CustomsReleased(**SHIP, duty_fen=5, at="2021-11-14T02:00:00+00:00")
STOPS = [
    ("held and released", (HELD, RELEASED), "海关：2021年11月12日扣留，2021年11月14日放行，文件不齐"),
    ("held", (HELD,), "海关：2021年11月12日扣留，尚未放行，文件不齐"),
    ("released alone", (RELEASED,), "海关：2021年11月14日放行"),
]


@pytest.mark.parametrize(("name", "events", "told"), STOPS, ids=[row[0] for row in STOPS])
async def test_a_stop_at_customs_is_told_in_the_readers_language(
    name: str, events: tuple[logistics.CustomsHeld | logistics.CustomsReleased, ...], told: str
) -> None:
    assert f"{told} " in plain(await trace_shown("zh", traced(with_customs(*events))))


KNOWN = {"BL", "Chitwan", "Kaski", "shop", "M", "first", "R", "P"}
"""Names of the history that a Chinese page writes as they are."""


ENDS = [("已签收", 0, 0), ("遗失：其他原因", 0, 200), ("拒收：其他原因", 1, 300)]


@pytest.mark.parametrize(("state", "shard", "fen_from"), ENDS, ids=["accepted", "lost", "rejected"])
async def test_a_chinese_trace_has_no_english_words(state: str, shard: int, fen_from: int) -> None:
    shown = plain(await trace_shown("zh", traced(shard=shard, fen_from=fen_from)))
    assert state in shown
    assert set(re.findall("[A-Za-z]+", shown)) <= KNOWN
    assert not re.search("[一-鿿][,;:!?]", shown)


async def test_a_parcel_that_a_school_rejected_is_not_said_to_be_delivered() -> None:
    shown = plain(await trace_shown("en", traced(shard=1, fen_from=300)))
    assert "Rejected by the school on 11 November 2021" in shown and "Delivered on" not in shown


@pytest.mark.parametrize(("lang", "jargon"), [("en", r"\b(shard|page|row|fen line)\b"), ("zh", "分片|分线")])
async def test_what_an_engineer_needs_stands_in_one_block_below_the_parcel(lang: str, jargon: str) -> None:
    steps, _, block = (await trace_shown(lang, traced(row=9))).partition("</ol>")
    assert "R-000001-0001" in steps and not re.search(jargon, plain(steps), re.IGNORECASE)
    assert re.search(jargon, plain(block.partition("<details")[2]), re.IGNORECASE)


@pytest.mark.parametrize(("lang", "told"), [("en", "Page 3 Row 9"), ("zh", "页 3 行 9")])
async def test_rows_count_from_the_same_number_as_on_the_receipt(lang: str, told: str) -> None:
    shown = re.sub("</d[td]>", " ", await trace_shown(lang, traced(row=9)))
    assert told in plain(shown)


# --- figures ------------------------------------------------------------------------------------------

ONE = [donations(0, 0, 0, [5])]
TWO = [donations(0, 0, 0, [4, 3])]
HEADLINES = [
    ("none", [], "The books are open, and wait for the first gift.", "账本已经打开，正等待第一笔爱心。"),
    (
        "one gift",
        ONE,
        "1 gift of 5.0 fen is on its way to the first school.",
        "1 笔 5.0 分的爱心，正在汇成第一批送达的包裹。",
    ),
    (
        "two gifts",
        TWO,
        "2 gifts, 3.5 fen each on average, are on their way to the first school.",
        "2 笔爱心，平均每笔 3.5 分，正在汇成第一批送达的包裹。",
    ),
    (
        "parcels, twenty packed and eight accepted",
        programme(),
        "431 gifts, 4.7 fen each on average, have put 8 parcels into pupils’ schools.",
        "431 笔爱心，平均每笔 4.7 分，已把 8 个包裹送进学校。",
    ),
]


@pytest.mark.parametrize(("name", "events", "english", "chinese"), HEADLINES, ids=[row[0] for row in HEADLINES])
async def test_the_headline_says_the_mean_as_it_is_and_counts_parcels_that_reached_schools(
    name: str, events: list[SourceEvent], english: str, chinese: str
) -> None:
    assert headline(await public_page("en", events)) == english
    assert headline(await public_page("zh", events)) == chinese


async def test_parcels_that_are_packed_and_at_no_school_are_in_no_headline() -> None:
    events = [*programme()[:5], *bought("R-000001", "NP")]
    assert "first school" in headline(await public_page("en", events))


async def test_one_gift_is_no_gifts() -> None:
    assert "1 gift " in plain(await public_page("en", ONE)) and "1 gifts" not in plain(await public_page("en", ONE))
    assert "2 gifts " in plain(await public_page("en", TWO))


def test_a_mean_is_rounded_half_up_as_the_script_does() -> None:
    english = PageTexts(Language.EN)
    assert [english.mean(*one) for one in [(17, 4), (1, 8), (7, 2), (123_456, 1)]] == ["4.3", "0.1", "3.5", "123,456.0"]


@pytest.mark.parametrize(
    ("lang", "names"), [("en", ("Rejected", "Damaged", "Lost", "Returned")), ("zh", ("拒收", "损坏", "遗失", "退回"))]
)
async def test_lost_damaged_rejected_and_returned_are_four_words_and_four_figures(
    lang: str, names: tuple[str, ...]
) -> None:
    where = (await public_page(lang, programme())).partition('id="where"')[2].partition("</table>")[0]
    headings = [plain(one) for one in re.findall('<th scope="col".*?</th>', where)]
    [row] = [one for one in where.split("<tr>") if "<abbr>NP</abbr>" in one]
    figures = [plain(one) for one in re.findall("<t[hd].*?</t[hd]>", row)]
    told = dict(zip(headings, figures, strict=True))
    assert [told[name] for name in names] == ["1", "0", "1", "0"]


@pytest.mark.parametrize(
    ("lang", "told"), [("en", "each once a round, in 1 country"), ("zh", "每批次每人计一次，在 1 个国家")]
)
async def test_pupils_reached_says_that_each_counts_once_a_round(lang: str, told: str) -> None:
    assert told in plain(await public_page(lang, programme()))


async def test_money_is_yuan_by_its_word_in_chinese_and_by_its_sign_in_english() -> None:
    assert "¥" not in plain(await public_page("zh", programme()))
    assert "元" not in plain(await public_page("en", programme()))


# --- a demonstration ----------------------------------------------------------------------------------

RIBBON = {"en": "Demonstration: all names and gifts are synthetic", "zh": "演示：所有姓名与捐赠都是虚构的"}
CLOCKS = {"en": ("by the real clock", "the demonstration’s own time"), "zh": ("这是真实时间", "演示中的时间")}


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_a_demonstration_says_that_it_is_one_and_which_clock_is_which(lang: str) -> None:
    shown = plain(await public_page(lang, programme(), is_demonstration=True))
    assert RIBBON[lang] in shown and all(clock in shown for clock in CLOCKS[lang])


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_what_is_no_demonstration_has_no_ribbon_and_one_clock(lang: str) -> None:
    shown = plain(await public_page(lang, programme()))
    assert RIBBON[lang] not in shown and not any(clock in shown for clock in CLOCKS[lang])


def test_a_demonstration_is_what_its_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Settings().demonstration
    monkeypatch.setenv("PANDA_DEMONSTRATION", "true")
    assert Settings().demonstration


# --- names --------------------------------------------------------------------------------------------


def test_every_reason_that_reporters_can_name_has_its_words_in_both_languages() -> None:
    known = {
        *logistics.HOLD_REASONS,
        *logistics.DAMAGE_REASONS,
        *logistics.LOSS_REASONS,
        *logistics.REFUSAL_REASONS,
    }
    assert set(CATALOGUE["reasons"]) == {*known, "other"}
    chinese = PageTexts(Language.ZH)
    assert [chinese.reason("contents_wet"), chinese.reason("a remark of their own")] == ["内容物受潮", "其他原因"]


def test_every_district_and_place_of_a_demonstration_has_a_chinese_name() -> None:
    chinese = PageTexts(Language.ZH)
    districts = {district for country in COUNTRIES for district in DISTRICTS[country]}
    places = {end for legs in ROUTES.values() for leg in legs for end in (leg.origin, leg.destination)} | {"CNPVG"}
    named = [*map(chinese.district, districts), *map(chinese.place, places)]
    assert not [name for name in named if re.search("[A-Za-z]", name)]


def test_a_district_that_the_catalogue_does_not_know_keeps_its_name() -> None:
    assert PageTexts(Language.ZH).district("Chitwan") == "Chitwan"
