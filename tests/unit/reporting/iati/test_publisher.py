"""Who reports: an identifier of an approved list, and nobody in place of nobody."""

from __future__ import annotations

import pytest

from pandapack.decision import Refusal
from services.reporting.domain.iati.publisher import DEMONSTRATION_REF, Publisher, publisher_of
from services.reporting.settings import Settings

SOUND = ("CN-USCI-53100000500020000X", "某基金会", "A foundation", "60")


def found(*given: str, is_demonstration: bool = False) -> Publisher | Refusal:
    return publisher_of(*given, is_demonstration=is_demonstration)


def test_an_organisation_that_is_whole_reports() -> None:
    assert found(*SOUND) == Publisher(*SOUND)
    assert isinstance(found("XI-IATI-EC_FPI", "甲", "A", "22"), Publisher)


INVALID = [
    (("", *SOUND[1:]), "iati_not_configured"),
    ((SOUND[0], "", *SOUND[2:]), "iati_not_configured"),
    (("CN-USCI-1234", *SOUND[1:]), "iati_publisher_invalid"),
    (("CN-USCI-53100000500020000I", *SOUND[1:]), "iati_publisher_invalid"),
    (("ZZ-NONE-1", *SOUND[1:]), "iati_publisher_invalid"),
    (("XE-EXAMPLE-US", *SOUND[1:]), "iati_publisher_invalid"),
    (("XI-IATI-", *SOUND[1:]), "iati_publisher_invalid"),
    (("XI-IATI-A/B", *SOUND[1:]), "iati_publisher_invalid"),
    (("XI-IATI-" + "A" * 100, *SOUND[1:]), "iati_publisher_invalid"),
    ((SOUND[0], "甲\n乙", *SOUND[2:]), "iati_publisher_invalid"),
    ((SOUND[0], "甲" * 201, *SOUND[2:]), "iati_publisher_invalid"),
    ((*SOUND[:3], "99"), "iati_publisher_invalid"),
]


@pytest.mark.parametrize(("given", "code"), INVALID)
def test_what_is_no_organisation_is_refused_in_words(given: tuple[str, ...], code: str) -> None:
    refusal = found(*given)
    assert isinstance(refusal, Refusal) and refusal.code == code and "PANDA_IATI_ORG" in refusal.detail


def test_a_demonstration_reports_as_an_example_whatever_is_set() -> None:
    for given in (("", "", "", "60"), SOUND):
        publisher = found(*given, is_demonstration=True)
        assert isinstance(publisher, Publisher) and publisher.is_demonstration
        assert publisher.ref == DEMONSTRATION_REF and SOUND[2] not in publisher.name_en


def test_a_foundation_is_what_the_settings_mean_without_a_type() -> None:
    assert Settings().iati_org_type == "60"
