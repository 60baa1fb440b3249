"""How pages write: languages, numbers, and that every text is there in both."""

from __future__ import annotations

import json
import re

import pytest

from services.reporting.api.bars import bar_of
from services.reporting.api.texts import TEXTS, Language, PageTexts, language_of

ZH, EN = PageTexts(Language.ZH), PageTexts(Language.EN)
TEMPLATES = TEXTS.parent
ROOT = TEXTS.parents[3]

LANGUAGES: list[tuple[str | None, str, Language]] = [
    ("zh", "en", Language.ZH),
    ("en", "zh-CN", Language.EN),
    ("fr", "zh-CN,zh;q=0.9,en;q=0.8", Language.ZH),
    (None, "en-GB,en;q=0.9,zh;q=0.8", Language.EN),
    (None, "fr;q=0.9, zh;q=0.2, en;q=0.4", Language.EN),
    (None, "fr,de", Language.EN),
    (None, "zh;q=0", Language.EN),
    (None, "zh;q=much, ;;", Language.EN),
    (None, "", Language.EN),
]


@pytest.mark.parametrize(("asked", "accepted", "expected"), LANGUAGES)
def test_the_address_decides_the_language_and_then_the_browser(
    asked: str | None, accepted: str, expected: Language
) -> None:
    assert language_of(asked, accepted) is expected


NUMBERS: list[tuple[int, str, str]] = [
    (0, "0", "0"),
    (9_999, "9,999", "9,999"),
    (123_456, "12.35 万", "123,456"),
    (2_600_412, "260.04 万", "2.60 million"),
    (2_600_412_009, "26.00 亿", "2.60 billion"),
]


@pytest.mark.parametrize(("value", "zh", "en"), NUMBERS)
def test_large_numbers_are_short_in_each_languages_own_steps(value: int, zh: str, en: str) -> None:
    assert (ZH.short(value), EN.short(value)) == (zh, en)


MONEY: list[tuple[int, str, str, str, str]] = [
    (0, "0.00 元", "¥0.00", "0.00 元", "¥0.00"),
    (5, "0.05 元", "¥0.05", "0.05 元", "¥0.05"),
    (-1_234_505, "-12,345.05 元", "-¥12,345.05", "-12,345.05 元", "-¥12,345.05"),
    (12_800_000_000, "128,000,000.00 元", "¥128,000,000.00", "1.28 亿元", "¥128.00 million"),
    (-12_800_000_000, "-128,000,000.00 元", "-¥128,000,000.00", "-1.28 亿元", "-¥128.00 million"),
]


@pytest.mark.parametrize(("fen", "zh", "en", "zh_short", "en_short"), MONEY)
def test_money_is_exact_to_the_fen_and_short_where_it_is_large(
    fen: int, zh: str, en: str, zh_short: str, en_short: str
) -> None:
    assert (ZH.money(fen), EN.money(fen)) == (zh, en)
    assert (ZH.money_short(fen), EN.money_short(fen)) == (zh_short, en_short)


def test_what_is_unknown_is_never_zero() -> None:
    assert [EN.count(None), EN.seconds(None), EN.moment(None), ZH.count(None)] == ["unknown"] * 3 + ["未知"]


def test_times_are_chinas() -> None:
    assert EN.moment("2021-11-10T16:00:01+00:00") == "2021-11-11 00:00:01"
    assert (EN.day("2021-11-10T16:00:01+00:00"), ZH.day("2021-11-10T16:00:01+00:00")) == (
        "11 November 2021",
        "2021年11月11日",
    )


def test_every_text_has_both_languages_with_the_same_values_put_in() -> None:
    for key, text in json.loads(TEXTS.read_text())["texts"].items():
        values = [sorted(re.findall(r"{(\w+)}", text[language])) for language in ("zh", "en")]
        assert values[0] == values[1], key


def test_every_text_that_a_template_shows_is_in_the_catalogue() -> None:
    known = json.loads(TEXTS.read_text())["texts"]
    shown = {
        key for template in TEMPLATES.glob("*.html") for key in re.findall(r"text\(\"(\w+)\"[,)]", template.read_text())
    }
    assert shown and shown <= set(known)


def test_a_bars_parts_lie_end_to_end_and_fill_it() -> None:
    bar = bar_of({"spent": 30, "reserved": 0, "unallocated": 10})
    assert [(part.x, part.width) for part in bar.segments] == [(0.0, 750.0), (750.0, 0.0), (750.0, 250.0)]
    assert bar_of({"spent": 0}).segments[0].width == 0.0
    assert [part.width for part in bar_of({"a": 50, "b": -50}, 100).segments] == [500.0, 0.0]


NAMES = {"English", "DuckDB", "SQL", "Ed25519", "IATI", "SVG", "PNG", "CSV", "JSON", "Parquet"}
CODE = {"panda audit", "panda verify", "/readyz", "/log/key", "--day", "“until”"}
"""What keeps its letters in a Chinese sentence: names, and what is typed or found in a file."""
RECEIPT_PAGE = TEMPLATES.parent / "static" / "verify.js"


def chinese_texts() -> list[str]:
    """Those of the catalogue and of the page that checks receipts, without the values put in."""
    catalogue = [text["zh"] for text in json.loads(TEXTS.read_text())["texts"].values()]
    literals = re.findall(r'"((?:[^"\\]|\\.)*)"', RECEIPT_PAGE.read_text())
    return [
        re.sub(r"{\w+}", "", text) for text in (*catalogue, *(one for one in literals if re.search("[一-鿿]", one)))
    ]


def test_chinese_sentences_have_chinese_words_and_punctuation() -> None:
    for text in chinese_texts():
        prose = re.sub("|".join(map(re.escape, CODE)), "", text)
        assert set(re.findall("[A-Za-z][A-Za-z0-9]*", prose)) <= NAMES, text
        assert not re.search("[一-鿿][,;:.!?()]", text), text


JARGON = re.compile("账页|封印|队列")
SEEN = ("services/reporting/templates", "services/reporting/static", "pandapack/contracts", "pandapack/runtime")


@pytest.mark.parametrize("folder", SEEN)
def test_what_a_donor_reads_names_no_part_of_the_machine(folder: str) -> None:
    files = [file for file in (ROOT / folder).rglob("*") if file.suffix in {".json", ".html", ".js", ".py"}]
    assert files
    assert [str(file) for file in files if JARGON.search(file.read_text(encoding="utf-8"))] == []
