"""Who reports: an organisation with an identifier that the registers of organisations know, or nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pandapack.decision import Refusal, RefusalKind

PREFIXES = (
    *("CN-USCI", "CN-SAIC", "HK-CR"),  # of China: the unified social credit identifier is what its foundations have
    *("XI-IATI", "XI-LEI", "XM-DAC", "XM-OCHA"),  # of the world
)
"""Of the lists of organisations that org-id knows, those that a publisher of such a programme can stand in. One more is
a word here; the demonstration's own is not among them."""
DEMONSTRATION_PREFIX = "XE-EXAMPLE"
"""The list that org-id keeps for examples: nothing in it is an organisation."""
DEMONSTRATION_REF = f"{DEMONSTRATION_PREFIX}-PANDAPACK"
REF_CHARACTERS_MAX = 100
NAME_CHARACTERS_MAX = 200
TYPES = {"21": "international", "22": "national", "23": "regional", "60": "foundation", "40": "multilateral"}
"""Of IATI's codelist OrganisationType, those that can report a programme of gifts."""
FOUNDATION = "60"
"""The default of the settings, too."""
_LOCAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_CREDIT_IDENTIFIER = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")
"""A unified social credit identifier (GB 32100)."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """`ref`: its identifier, prefix included; `type`: of the codelist OrganisationType. Names for people to read."""

    ref: str
    name_zh: str
    name_en: str
    type: str = FOUNDATION
    is_demonstration: bool = False


def publisher_of(ref: str, name_zh: str, name_en: str, type: str, *, is_demonstration: bool) -> Publisher | Refusal:
    """The publisher that the settings name. A demonstration is one in any case, and never another organisation.

    Refused: iati_not_configured, iati_publisher_invalid.
    """
    if is_demonstration:
        name_zh, name_en = "熊猫包裹演示（全部为虚构）", "Panda Pack demonstration (all of it made up)"
        return Publisher(DEMONSTRATION_REF, name_zh, name_en, is_demonstration=True)
    if not (ref and name_zh and name_en):
        detail = (
            "this installation publishes no IATI file: it knows of no organisation that reports. Set PANDA_IATI_ORG to "
            "its identifier (such as CN-USCI-…), and PANDA_IATI_ORG_NAME_ZH and PANDA_IATI_ORG_NAME_EN to its names"
        )
        return Refusal("iati_not_configured", detail, RefusalKind.NOT_FOUND)
    if (fault := _fault(ref, name_zh, name_en, type)) is not None:
        return Refusal("iati_publisher_invalid", f"this installation publishes no IATI file: {fault}")
    return Publisher(ref, name_zh, name_en, type)


def _fault(ref: str, name_zh: str, name_en: str, type: str) -> str | None:
    prefix = next((one for one in PREFIXES if ref.startswith(f"{one}-")), None)
    if prefix is None:
        return f"PANDA_IATI_ORG {ref!r} begins with no approved list of organisations: {', '.join(PREFIXES)}"
    own = ref.removeprefix(f"{prefix}-")
    pattern = _CREDIT_IDENTIFIER if prefix == "CN-USCI" else _LOCAL
    if not pattern.fullmatch(own) or len(ref) > REF_CHARACTERS_MAX:
        return f"PANDA_IATI_ORG has {own!r} behind {prefix}-, which is no identifier of that list"
    if max(len(name_zh), len(name_en)) > NAME_CHARACTERS_MAX:
        return f"PANDA_IATI_ORG_NAME_ZH and …_EN have at most {NAME_CHARACTERS_MAX} characters"
    if not (name_zh + name_en).isprintable():
        return "PANDA_IATI_ORG_NAME_ZH and …_EN are printable characters in one line"
    if type not in TYPES:
        return (
            f"PANDA_IATI_ORG_TYPE {type!r} is none of {', '.join(f'{code} ({what})' for code, what in TYPES.items())}"
        )
    return None
