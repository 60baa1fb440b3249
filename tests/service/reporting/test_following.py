"""A gift is followed on the public page, whatever became of it: what is so, and what comes next, in both languages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service.reporting.conftest import Reporting, _reporting
from tests.service.reporting.ledger import DAY
from tests.stack import Servers
from tests.unit.reporting.history import TOTALS, enveloped, programme, records
from tests.unit.reporting.rendered import plain
from tests.waiting import eventually


@pytest.fixture(scope="module")
def reporting(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reporting]:
    folder = tmp_path_factory.mktemp("following")
    with _reporting(stack, folder, {"PANDA_DEMONSTRATION": "true"}) as service:
        service.publish(records(enveloped(programme())))
        service.await_totals(TOTALS)
        yield service


def followed(reporting: Reporting, id: str, lang: str, day: str = DAY) -> str:
    """What the page tells of a gift, without marks."""
    asked = {"merchant": "M0", "id": id, "day": day, "lang": lang}
    page = reporting.get("/", params=asked).text
    return plain(page.partition('id="follow"')[2].partition("</section>")[0].partition("</form>")[2])


TOLD = [
    (
        "first",
        ["Round 1, for Nepal", "5 fen paid for 1/19 of this parcel", "A school in Chitwan", "handed parcels to its"],
        ["第 1 批，前往尼泊尔", "5 分钱支付了这个包裹的 1/19", "Chitwan的一所学校", "已把包裹发放给学生"],
    ),
    (
        "refunded",
        ["This gift was given back in full (5 fen on 13 November 2021): it pays for no parcel."],
        ["这笔捐赠已全额退还（2021年11月13日退还 5 分），不用于任何包裹。"],
    ),
    (
        "refunded-in-part",
        ["Of the 5 fen of this gift, 2 fen were given back", "Of this gift, 3 fen paid for 1/32 of this parcel"],
        ["这笔捐赠共 5 分，其中 2 分已退还", "3 分钱支付了这个包裹的 1/32"],
    ),
    (
        "straddling",
        [
            "This gift went 2 ways",
            "Round 1, for Nepal",
            "Round 2, for Myanmar",
            "Next: it leaves with the other parcels",
        ],
        ["这笔捐赠分成 2 部分", "第 1 批，前往尼泊尔", "第 2 批，前往缅甸", "接下来：与本批其他包裹一起启运"],
    ),
    (
        "lost",
        ["lost: another reason", "It did not arrive, and will not", "every figure counts it as lost"],
        ["遗失：其他原因", "它没有到达，也不会再到达", "在所有数字中都记为遗失"],
    ),
    (
        "waiting",
        ["Waiting for the next round", "sets out once a whole round of parcels can be paid for"],
        ["等待下一批", "凑齐一批包裹的全部费用后就会出发"],
    ),
    ("nix", ["The ledger has no such gift. Check merchant, number and day"], ["账本里没有这笔捐赠。请核对商家"]),
]


@pytest.mark.parametrize(("id", "english", "chinese"), TOLD, ids=[row[0] for row in TOLD])
def test_a_gift_is_followed_whatever_became_of_it(
    reporting: Reporting, id: str, english: list[str], chinese: list[str]
) -> None:
    for lang, told in (("en", english), ("zh", chinese)):
        shown = followed(reporting, id, lang)
        for each in told:
            assert each in shown, (lang, each, shown)


def test_what_was_refunded_or_lost_is_not_said_to_have_reached_anybody(reporting: Reporting) -> None:
    for id in ("refunded", "lost"):
        shown = followed(reporting, id, "en")
        assert "Delivered on" not in shown and "handed parcels" not in shown and "A school in" not in shown
    assert "paid for" not in followed(reporting, "refunded", "en")


def test_a_gift_of_the_day_beside_is_found_and_offered(reporting: Reporting) -> None:
    assert "the ledger has a gift of this merchant and number on 11 November 2021" in followed(
        reporting, "first", "en", "2021-11-12"
    )
    assert "日期是 2021年11月11日（北京时间）" in followed(reporting, "first", "zh", "2021-11-10")
    assert "The ledger has no such gift" in followed(reporting, "first", "en", "2021-11-14")


def test_an_example_to_click_is_a_gift_whose_parcel_was_handed_out(reporting: Reporting) -> None:
    link = f"/?platform=shop&amp;merchant=M0&amp;id=first&amp;day={DAY}&amp;lang=en#follow"
    eventually(lambda: link in reporting.get("/", params={"lang": "en"}).text, "there is an example")
    assert "已把包裹发放给学生" in followed(reporting, "first", "zh")


@pytest.mark.parametrize(
    ("id", "english", "chinese"),
    [
        ("lost", "fen paid for 1/19 of parcel R-000001-0003", "它在所有数字中都记为遗失"),
        ("refunded", "5 fen were given back, and pay for no parcel", "5 分已退还，不用于任何包裹"),
        ("waiting", "waiting for the next round of parcels", "等待下一批包裹"),
    ],
)
def test_a_receipt_says_what_became_of_the_gift_and_what_it_still_lacks(
    reporting: Reporting, id: str, english: str, chinese: str
) -> None:
    address = f"/receipt/shop/M0/{id}"
    for lang, told, pending in (("en", english, "Recorded, on a page"), ("zh", chinese, "已入账，账本的这一页")):
        answer = reporting.get(address, params={"day": DAY, "lang": lang})
        assert answer.status_code == 200
        shown = plain(answer.text)
        assert told in shown and pending in shown, shown
        assert "style=" not in answer.text and "<svg" in answer.text


def test_a_receipt_of_no_gift_is_a_page_for_people_and_a_problem_for_programs(reporting: Reporting) -> None:
    asked = {"day": DAY, "lang": "zh"}
    page = reporting.get("/receipt/shop/M0/nix", params=asked, headers={"Accept": "text/html"})
    assert (page.status_code, "因此没有收据" in page.text) == (404, True)
    answer = reporting.get("/receipt/shop/M0/nix", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (404, "donation_unknown")


def test_a_summary_has_the_figures_of_the_totals(reporting: Reporting) -> None:
    whole = reporting.get("/summary", params={"lang": "en"}, follow_redirects=True)
    assert whole.status_code == 200
    shown, totals = plain(whole.text), reporting.totals()
    assert f"{totals['donations']} gifts" in shown and "Schools accepted 8 parcels" in shown
    assert f"snapshots 0 to {totals['snapshot']['size']}" in shown
