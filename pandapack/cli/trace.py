"""`panda trace MERCHANT DONATION --day D`: the way of one donation, in plain words."""

from __future__ import annotations

import json
from typing import Annotated, Any

import httpx
import typer

from pandapack.cli.site import Site, asked, unreachable


def trace(
    merchant: str,
    donation: str,
    day: Annotated[str, typer.Option(help="The day on which the order completed, YYYY-MM-DD in Asia/Shanghai.")],
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")] = False,
) -> None:
    """Follow one donation from its page to the parcel that it helped to pay for. Exit 1 when it is not known."""
    try:
        with httpx.Client(base_url=Site.here().urls["reporting"], timeout=30.0, trust_env=False) as client:
            found = asked(client.get(f"/v1/trace/{merchant}/{donation}", params={"day": day}))
    except httpx.TransportError as error:
        raise unreachable(error) from error
    typer.echo(json.dumps(found, ensure_ascii=False) if json_ else "\n".join(_lines(found)))


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
