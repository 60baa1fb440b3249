"""`python -m simulator --site SITE.json --clock-file FILE --seed S --donations N [--until-settled]`.

Plays the three years, tells its pulse on stdout and, without `--until-settled`, goes on in the present until it is
terminated. SITE.json: `{"urls": {service: url}, "keys": {role: key}}`.

Exit status 1: a service refused what a player is sure of, or did not answer for long.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from pandapack.client import PushError
from simulator.api_client import NoAnswer, RequestRefused, Site
from simulator.play import Play, Script

EXIT_WRONG = 1


def script_of(arguments: argparse.Namespace) -> Script:
    """What the command line asks for."""
    return Script(
        seed=arguments.seed,
        donations=arguments.donations,
        until_settled=arguments.until_settled,
        stay=arguments.stay,
        rate=arguments.rate,
        clock_file=arguments.clock_file,
    )


def argument_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="simulator", description="Plays the people around Panda Pack.")
    parser.add_argument("--site", type=Path, required=True, help="where the services are, and a key for each role")
    parser.add_argument("--clock-file", type=Path, required=True, help="where the services look for the time")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another story")
    parser.add_argument("--donations", type=int, required=True, help="how many gifts the three years have")
    parser.add_argument("--until-settled", action="store_true", help="end once the three years are at their end")
    parser.add_argument("--stay", action="store_true", help="do nothing more once the three years are at their end")
    parser.add_argument("--rate", type=int, default=0, help="gifts a second of the three years, 0: as accepted")
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
