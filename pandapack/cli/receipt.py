"""`panda receipt MERCHANT DONATION --day D`: fetches the proof of one donation."""

from __future__ import annotations

import json

import typer

from pandapack.cli.failures import fail
from pandapack.cli.options import DonationDay
from pandapack.cli.site import Site


def receipt(merchant: str, donation: str, day: DonationDay) -> None:
    """Fetch the receipt of one donation: `panda receipt M1 42 --day 2021-11-11 > receipt.json`.

    With a key of staff in PANDA_KEY the merchant is PLATFORM:MERCHANT.
    """
    path = f"/v1/receipts/{merchant}/{donation}"
    found = Site.here().request("donations", "platform", "GET", path, params={"day": day})
    if "scheme" not in found:
        raise fail(f"{found['state']}: ask again once its page is full or its day has ended")
    typer.echo(json.dumps(found, indent=2))
