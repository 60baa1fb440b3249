"""`panda receipt MERCHANT DONATION --day D [--platform P]`: fetches the proof of one donation."""

from __future__ import annotations

import json
from urllib.parse import quote

import typer

from pandapack.cli.failures import fail
from pandapack.cli.options import DonationDay
from pandapack.cli.site import Site
from pandapack.cli.trace import Platform, only_platform


def receipt(merchant: str, donation: str, day: DonationDay, platform: Platform = None) -> None:
    """Fetch the receipt of one donation: `panda receipt M1 42 --day 2021-11-11 > receipt.json`. It takes no key."""
    site = Site.here()
    path = "/".join(quote(one, safe="") for one in (platform or only_platform(site), merchant, donation))
    found = site.request("reporting", None, "GET", f"/v1/receipts/{path}", params={"day": day})
    if "scheme" not in found:
        raise fail(f"{found['state']}: {found['en']}")
    typer.echo(json.dumps(found, indent=2))
