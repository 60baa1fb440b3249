"""`python -m simulator --site SITE.json --seed S [--donations N] [--until-settled]`: plays on stdout's pulse.

SITE.json: `{"urls": {service: url}, "keys": {role: key}}`. Without `--donations` it gives at a pleasant rate until it
is terminated. Exit status 1: a service refused what a player is sure of, or did not answer for long.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from datetime import datetime
from pathlib import Path

from pandapack.client import PushError
from simulator.api_client import NoAnswer, RequestRefused, Site
from simulator.play import Play, Script

RATE = 3_000
FIRST_AT = "2020-01-01T00:00:00+08:00"
SPACING_US = 86_400_000_000 // RATE
"""3,000 donations a day."""
PLEASANT_DAY_S = 0.25
"""At the pleasant rate partners take their time: four days of a journey go by in a second."""
EXIT_WRONG = 1


def script_of(arguments: argparse.Namespace) -> Script:
    """What the command line asks for."""
    paced = arguments.donations is None
    return Script(
        seed=arguments.seed,
        donations=arguments.donations,
        until_settled=arguments.until_settled,
        rate=arguments.rate if arguments.rate is not None else RATE * paced,
        day_s=PLEASANT_DAY_S * paced,
        first_at=datetime.fromisoformat(arguments.first_at),
        spacing_us=arguments.spacing_us,
    )


def argument_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="simulator", description="Plays the people around Panda Pack.")
    parser.add_argument("--site", type=Path, required=True, help="where the services are, and a key for each role")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another story")
    parser.add_argument("--donations", type=int, help="how many; without it they do not end")
    parser.add_argument("--until-settled", action="store_true", help="play until all donations have come to their end")
    parser.add_argument("--rate", type=int, help=f"donations a second, 0: as fast as accepted (default {RATE} or 0)")
    parser.add_argument("--first-at", default=FIRST_AT, help="when the first donation was made")
    parser.add_argument("--spacing-us", type=int, default=SPACING_US, help="microseconds between two donations")
    return parser


async def play(site: Site, script: Script) -> None:
    """Plays until the end, or until SIGTERM or SIGINT."""
    playing = asyncio.ensure_future(Play(site, script).run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await playing


def main() -> int:
    """Exit status."""
    arguments = argument_parser().parse_args()
    status = 0
    try:
        asyncio.run(play(Site.read(arguments.site), script_of(arguments)))
    except* (RequestRefused, NoAnswer, PushError) as errors:
        status = EXIT_WRONG
        for error in _leaves(errors):
            sys.stderr.write(f"simulator: {error}\n")
    return status


def _leaves(errors: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf for one in errors.exceptions for leaf in (_leaves(one) if isinstance(one, BaseExceptionGroup) else [one])
    ]


if __name__ == "__main__":
    sys.exit(main())
