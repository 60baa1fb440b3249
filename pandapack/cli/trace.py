"""`panda trace MERCHANT DONATION --day D`: the trace of one donation, in plain words."""

from __future__ import annotations

import json
from typing import Any

import typer

from pandapack.cli.options import AsJson, DonationDay
from pandapack.cli.site import Site


def trace(merchant: str, donation: str, day: DonationDay, as_json: AsJson = False) -> None:
    """Follow one donation from its page to the parcel that it helped to pay for. Exit 1 when it is not known."""
    found = Site.here().request("reporting", None, "GET", f"/v1/trace/{merchant}/{donation}", params={"day": day})
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(_lines(found)))


def _lines(value: Any, depth: int = 0) -> list[str]:
    indent = "  " * depth
    if isinstance(value, dict):
        lines = []
        for name, inner in value.items():
            if isinstance(inner, dict | list) and inner:
                lines += [f"{indent}{name}:", *_lines(inner, depth + 1)]
            elif inner not in (None, [], {}):
                lines.append(f"{indent}{name}: {inner}")
        return lines
    if isinstance(value, list):
        return [line for inner in value for line in [*_lines(inner, depth), ""]][:-1]
    return [f"{indent}{value}"]
