"""Where a gift can be followed, taken along and checked: addresses that hold all that names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode


def links_of(address: str, donation: Mapping[str, Any], lang: str) -> dict[str, str]:
    """Of a gift, by its `platform`, `merchant`, `id` and `day`: `trace`, `page`, `json` and `check`.

    `trace` has our address before it. `page` is the receipt to print, `json` the receipt itself, and `check` opens the
    page that verifies it.
    """
    named = {name: str(donation[name]) for name in ("platform", "merchant", "id", "day")}
    path = "/".join(quote(named[name], safe="") for name in ("platform", "merchant", "id"))
    day = urlencode({"day": named["day"]})
    file = f"/v1/receipts/{path}?{day}"
    return {
        "trace": f"{address}/?{urlencode({**named, 'lang': lang})}#follow",
        "page": f"/receipt/{path}?{day}&lang={lang}",
        "json": file,
        "check": f"/verify?{urlencode({'receipt': file, 'lang': lang})}",
    }
