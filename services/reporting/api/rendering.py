"""How pages are made: a template with texts in a language, in parts, so that a long page holds up nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pandapack.runtime.clock import monotonic_s
from services.reporting.api.texts import PageTexts, formats, language_of

TEMPLATES = Path(__file__).parents[1] / "templates"
PART_S_MAX = 0.002
"""So long a page is written before others have their turn."""

_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates = {name: _environment.get_template(name) for name in _environment.list_templates(extensions=["html"])}
"""Compiled at once: no reader waits for that."""


def texts_of(lang: str | None, accepted: str) -> PageTexts:
    """The texts in the language that is asked for (`?lang=`), or else preferred (Accept-Language)."""
    return PageTexts(language_of(lang, accepted))


def has_template(name: str) -> bool:
    """Whether there is such a template."""
    return name in _templates


async def rendered(name: str, texts: PageTexts, switch: str, **values: Any) -> str:
    """A page's HTML. `switch`: the query of the same page in the other language."""
    shown = {**formats(texts), "lang": texts.language.value, "html_lang": texts.html, "switch": switch, **values}
    parts, until_s = list[str](), monotonic_s() + PART_S_MAX
    for part in _templates[name].generate(shown):
        parts.append(part)
        if monotonic_s() >= until_s:
            await asyncio.sleep(0)
            until_s = monotonic_s() + PART_S_MAX
    return "".join(parts)


def html_answer(html: str | bytes) -> HTMLResponse:
    """As answered: kept by nobody without asking again, since figures move."""
    return HTMLResponse(html, headers={"Cache-Control": "no-cache", "Vary": "Accept-Language"})


def switch_of(request: Request, texts: PageTexts) -> str:
    """The same page in the other language, also where no script runs: a moment or a search that was asked for stays."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return "?" + urlencode([*kept, ("lang", texts.other.value)])
