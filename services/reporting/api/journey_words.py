"""A journey in plain words, in both languages: each type of event, each step, each detour."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from services.reporting.api.texts import Language, PageTexts
from services.reporting.domain.journeys.steps import Step
from services.reporting.domain.journeys.told import Detour, JourneyEvent
from services.reporting.work.journey_givers import Begun

MISSING = "?"
"""What stands for a value that an event does not say: an older release wrote it, or nobody could read it."""
ORDINALS = frozenset({"shard", "page", "leg", "publication"})
"""Numbers that name something: they are not grouped."""
NAMED = frozenset({"category", "state"})
"""Words of ours that pages have in both languages."""
_HUMP = re.compile(r"(?<!^)(?=[A-Z])")
_BOTH = {language.value: PageTexts(language) for language in (Language.EN, Language.ZH)}

Words = dict[str, str]


class _Values(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return MISSING


def in_both(key: str, values: Mapping[str, Any]) -> Words:
    """A text in both languages, with what an event says put in as each language writes it."""
    return {name: texts.pattern(key).format_map(_written(texts, values)) for name, texts in _BOTH.items()}


def _written(texts: PageTexts, values: Mapping[str, Any]) -> Mapping[str, str]:
    return _Values({name: _one(texts, name, value) for name, value in values.items()})


def _one(texts: PageTexts, name: str, value: Any) -> str:
    if isinstance(value, list | dict | tuple):
        return texts.count(len(value))
    if isinstance(value, int):
        return _number(texts, name, value)
    return MISSING if value is None else _name(texts, name, str(value))


def _number(texts: PageTexts, name: str, value: int) -> str:
    if name == "fen" or name.endswith("_fen"):
        return texts.money(value)
    return str(value) if name in ORDINALS else texts.count(value)


def _name(texts: PageTexts, name: str, text: str) -> str:
    writes = {"country": texts.country, "reason": texts.reason, "day": texts.day, "since": texts.instant}
    if name in writes:
        return writes[name](text)
    key = f"journey_{name}_{text}"
    return texts.text(key) if name in NAMED and texts.has(key) else text


def event_words(event: JourneyEvent) -> Words:
    """What happened."""
    key = f"journey_event_{_HUMP.sub('_', event.type.partition('.')[2]).lower()}"
    if not _BOTH["en"].has(key):
        return in_both("journey_event_other", {"type": event.type})
    return in_both(key, event.data)


def step_words(step: Step) -> Words:
    """What should come next."""
    values = {"order": step.order, "shipment": step.shipment, "school": step.school, "leg": step.leg}
    return in_both(f"journey_step_{step.name}", {**values, "parcels": len(step.ordinals)})


def detour_words(detour: Detour) -> Words:
    """What way round an event took."""
    return in_both(f"journey_detour_{detour.kind}", {"count": detour.count, "since": detour.since})


def begun_words(begun: Begun) -> Words:
    """What the ledger has of a push, a gift, a reversal or a settlement."""
    return in_both(f"journey_begun_{begun.what}", begun.values)


def parked_words(parked: Mapping[str, Any]) -> Words:
    """A report that waits for its turn."""
    return in_both(f"journey_parked_{parked['kind']}", parked)
