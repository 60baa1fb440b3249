"""What needs a person, as JSON: in plain words of both languages, with the command and the button."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.reporting.api.texts import Language, PageTexts
from services.reporting.domain.needs.matters import Act, Matter, Needs
from services.reporting.domain.needs.stops import set_aside_act

Json = dict[str, Any]
TEXTS = {language.value: PageTexts(language) for language in Language}
ACTS = "/ops/act/"


def shown_needs(needs: Needs) -> Json:
    """`/v1/needs`."""
    return {
        "items": [_shown(one) for one in needs.matters],
        "more": [{"kind": kind.value, "count": count} for kind, count in needs.more.items()],
        "unknown": list(needs.unknown),
    }


def words_of(matter: Matter, texts: PageTexts) -> str:
    """What happened, and what follows of it."""
    values = {name: _written(name, value, texts) for name, value in matter.values.items()}
    return texts.text(f"ops_need_{matter.kind}", service=texts.text(f"service_{matter.service}"), **values)


def _shown(matter: Matter) -> Json:
    other = set_aside_act(matter)
    return {
        "id": matter.id,
        "kind": matter.kind.value,
        "service": matter.service,
        "since": matter.since and matter.since.isoformat(timespec="seconds"),
        "what": {name: words_of(matter, texts) for name, texts in TEXTS.items()},
        "reason": matter.reason or None,
        "costs": asdict(matter.costs),
        "command": matter.command or None,
        "act": matter.act and _shown_act(matter.act),
        "other_act": other and _shown_act(other),
        "runbook": matter.page,
    }


def _shown_act(act: Act) -> Json:
    return {
        "name": act.command,
        "label": {name: texts.text(f"ops_act_{act.command}") for name, texts in TEXTS.items()},
        "method": "POST",
        "action": f"{ACTS}{act.path}",
        "fields": dict(act.fields),
        "wants_reason": act.wants_reason,
        "dry_run_first": act.is_tried_first,
    }


def _written(name: str, value: str | int | datetime, texts: PageTexts) -> str:
    """Money, counts and times as the language writes them; names by which things are known in both."""
    if isinstance(value, datetime):
        return texts.instant(value.isoformat())
    if isinstance(value, int):
        return texts.money(value) if name.endswith("_fen") else texts.count(value)
    if name == "country":
        return texts.country(value)
    for known in (f"ops_{name}_{value}", f"{name}_{value}"):
        if name in ("law", "cause", "sender", "why") and texts.has(known):
            return texts.text(known)
    return value
