"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")]
DonationDay = Annotated[str, typer.Option(help="The day on which the order completed, YYYY-MM-DD in Asia/Shanghai.")]
