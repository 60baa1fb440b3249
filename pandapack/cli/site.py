"""Where the installation is that a command talks to, and with which key.

The stack that runs in this folder tells it (`.panda/stack.json`, `.panda/keys.json`); environment variables go first:
`PANDA_DONATIONS_URL` and so on for each service, `PANDA_MONGO`, `PANDA_KEY`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import typer

from pandapack.local.running import DEMO_FOLDER, read_note
from pandapack.local.stack import DATA_DIR, DEFAULT_PORTS, SERVICES

ANSWER_WAIT_S = 60.0
EXIT_WRONG = 1
EXIT_UNREACHABLE = 2


def fail(words: str, status: int = EXIT_WRONG) -> typer.Exit:
    """Says what is wrong on stderr; raise what it returns."""
    typer.echo(words, err=True)
    return typer.Exit(status)


@dataclass(frozen=True)
class Site:
    """Addresses of the services and of MongoDB, and a key for each role that is known here."""

    urls: dict[str, str]
    mongo: str
    keys: dict[str, str]

    @classmethod
    def here(cls, data_dir: Path = DATA_DIR) -> Site:
        """The installation of this folder or of the environment."""
        note = read_note(data_dir) or read_note(data_dir / DEMO_FOLDER) or {}
        addresses: dict[str, str] = note.get("addresses", {})
        urls = {
            name: os.environ.get(f"PANDA_{name.upper()}_URL")
            or addresses.get(name)
            or f"http://127.0.0.1:{DEFAULT_PORTS[name]}"
            for name in SERVICES
        }
        default_mongo = f"mongodb://127.0.0.1:{DEFAULT_PORTS['mongo']}/?directConnection=true"
        mongo = os.environ.get("PANDA_MONGO") or addresses.get("mongo") or default_mongo
        return cls(urls, mongo, _keys(note))

    def key(self, role: str) -> str:
        """A key for a role: `PANDA_KEY`, or what the stack here made. Ends the command where there is none."""
        key = os.environ.get("PANDA_KEY") or self.keys.get(role)
        if not key:
            raise fail(f"no key for the role {role}: set PANDA_KEY, or run this where `panda up` runs")
        return key

    def client(self, service: str, role: str) -> httpx.Client:
        """A client of one service that sends a role's key."""
        headers = {"Authorization": f"Bearer {self.key(role)}"}
        return httpx.Client(base_url=self.urls[service], headers=headers, timeout=ANSWER_WAIT_S, trust_env=False)


def _keys(note: dict[str, Any]) -> dict[str, str]:
    try:
        keys: dict[str, str] = json.loads(Path(note["keys"]).read_text())
    except (KeyError, OSError, ValueError):
        return {}
    return keys


def asked(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON. A problem ends the command with its own words."""
    if answer.is_success:
        body: dict[str, Any] = answer.json() if answer.content else {}
        return body
    try:
        problem = answer.json()
        words = f"{problem['code']}: {problem['detail']} (request {problem.get('request_id', '?')})"
    except (ValueError, KeyError, TypeError):
        words = f"{answer.request.url} answered {answer.status_code}"
    raise fail(words)


def unreachable(error: httpx.TransportError) -> typer.Exit:
    """A service does not answer at all."""
    where = error.request.url if error._request is not None else "the service"
    return fail(f"{where} does not answer ({error}): is it running? `panda status` tells", EXIT_UNREACHABLE)
