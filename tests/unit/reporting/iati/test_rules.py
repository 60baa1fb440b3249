"""The rules bite: each finds a file that breaks it, and the file that breaks none passes."""

from __future__ import annotations

import pytest

from tests.unit.contracts.test_public_fold import FINISHED, Account
from tests.unit.reporting.iati.rules import faults, parsed, today_of
from tests.unit.reporting.iati.test_activities import written

ACCOUNT = Account(FINISHED)
SOUND = written(ACCOUNT).decode()
TODAY = today_of(ACCOUNT.books.at)
STARTED = '<activity-date type="2" iso-date="2021-11-11" />'
SECTOR = '<sector code="11220" vocabulary="1" percentage="100" />'
REF = "CN-USCI-53100000500020000X"

BREACHES = [
    ("1.1.3", f"<iati-identifier>{REF}-", "<iati-identifier>XX-"),
    ("1.1.3", f"<iati-identifier>{REF}-love-parcel<", f"<iati-identifier>{REF}<"),
    ("1.14.8", REF, "CN-NOBODY-1"),
    ("1.3.13", REF, f"{REF}/a"),
    ("4.1.1", ' humanitarian="0" xml:lang="en"', ""),
    ("told once in both languages", '<narrative xml:lang="zh">某基金会</narrative>', ""),
    ("a narrative says something", "A foundation", " "),
    ("has an end", '<activity-status code="2"', '<activity-status code="4"'),
    ("6.11.1", "<activity-date ", "<contact-info "),
    ("11.1.1", "2021-11-11", "2021-11-12"),
    ("11.1.3", STARTED, STARTED + STARTED.replace('"2"', '"4"').replace("-11-11", "-11-10")),
    ("2.1.2", SECTOR, SECTOR.replace("100", "99")),
    ("of five digits", 'code="11220"', 'code="112"'),
    ("3.1.2", 'code="NP" percentage="100"', 'code="NP" percentage="90"'),
    ("7.5.2", " value-date=", " of="),
    ("CNY", 'currency="CNY" value', 'currency="USD" value'),
    ("to the fen", ">-0.40<", ">-0.4<"),
    ("a reference of its own", 'ref="2021-11-released"', 'ref="2021-11-funded"'),
    ("8.6.3", '<period-end iso-date="2021-12-31" />', '<period-end iso-date="2020-12-31" />'),
    ("7.5.3", '<period-end iso-date="2021-12-31" />', '<period-end iso-date="2022-12-31" />'),
    ("8.10.1", '<actual value="8"', '<actual value="many"'),
    ("107.1.2", '<default-aid-type code="C01" vocabulary="1" />', ""),
    ("of its codelist", '<transaction-type code="4"', '<transaction-type code="44"'),
    ("by name, and no point", "<location>", "<location><point/>"),
    ("which is not there", 'love-parcel-NP-2021" type="2"', 'love-parcel-NP-2022" type="2"'),
    ("knows nothing of its relation", 'type="1" />\n    <result', 'type="3" />\n    <result'),
    ("activity is not there", 'receiver-activity-id="', 'receiver-activity-id="X'),
    ("an activity stands once", "love-parcel-MM-2021", "love-parcel-NP-2021"),
    ("somebody gives", 'role="1"', 'role="3"'),
]  # fmt: skip


def test_the_file_of_the_history_breaks_no_rule() -> None:
    assert faults(parsed(SOUND.encode()), TODAY) == []


@pytest.mark.parametrize(("rule", "sound", "broken"), BREACHES, ids=[f"{n}-{one[0]}" for n, one in enumerate(BREACHES)])
def test_a_breach_is_found(rule: str, sound: str, broken: str) -> None:
    assert sound in SOUND, "the breach is none"
    found = faults(parsed(SOUND.replace(sound, broken).encode()), TODAY)
    assert any(rule in one.what for one in found), found


def test_sectors_of_two_vocabularies_in_one_file_are_found() -> None:
    one = SOUND.replace(SECTOR, SECTOR.replace('vocabulary="1"', 'vocabulary="2"'), 1)
    assert any("one vocabulary" in found.what for found in faults(parsed(one.encode()), TODAY))


def test_budgets_that_overlap_are_found() -> None:
    begin = SOUND.index("<budget")
    end = SOUND.index("</budget>") + len("</budget>")
    twice = SOUND[:end] + SOUND[begin:end] + SOUND[end:]
    assert any("do not overlap" in one.what for one in faults(parsed(twice.encode()), TODAY))


def test_an_empty_file_is_none() -> None:
    assert [one.what for one in faults(parsed(b"<iati-activities/>"), TODAY)] == ["a file has an activity"]
