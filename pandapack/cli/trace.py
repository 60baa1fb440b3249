"""`panda trace MERCHANT DONATION --day D [--platform P]`: the trace of one donation, in plain words."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from pandapack.cli.failures import EXIT_USAGE, fail
from pandapack.cli.options import AsJson, DonationDay
from pandapack.cli.site import Site

Platform = Annotated[
    str | None, typer.Option("--platform", help="Where the order was placed; needed where there are several.")
]


def trace(merchant: str, donation: str, day: DonationDay, platform: Platform = None, as_json: AsJson = False) -> None:
    """Follow one donation from its page to the parcel that it helped to pay for. Exit 1 when it is not known."""
    site = Site.here()
    whose = platform or only_platform(site)
    path = "/".join(quote(one, safe="") for one in (whose, merchant, donation))
    found = site.request("reporting", None, "GET", f"/v1/trace/{path}", params={"day": day})
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(_lines(found)))


def only_platform(site: Site) -> str:
    """The platform that goes without saying. Ends the command where it does not."""
    platforms: list[str] = site.request("reporting", None, "GET", "/v1/platforms")["items"]
    if len(platforms) == 1:
        return platforms[0]
    if not platforms:
        raise fail("no platform is registered yet: `panda platform add ID --name NAME` registers one")
    raise fail(f"several platforms are registered: say --platform, one of {', '.join(platforms)}", EXIT_USAGE)


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
