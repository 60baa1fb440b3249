"""Where the installation is that a command talks to, with which key, and how it is asked.

What runs in this folder tells where: `stack.json` and `keys.json` in `.panda/` for a stack, in `.panda/demo/` for a
demonstration. `--url` says it for an installation elsewhere: reporting's address, which names the other services'.
Environment variables go first: `PANDA_DONATIONS_URL` and so on for each service, `PANDA_MONGO`, `PANDA_KEY` or
`PANDA_KEY_FILE`, and `PANDA_DONATIONS_KEY` and so on where each service has a key of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import typer

from pandapack.cli.failures import EXIT_UNREACHABLE, fail
from pandapack.cli.options import chosen_url
from pandapack.local.layout import DATA_DIR, DEFAULT_PORTS, SERVICES
from pandapack.local.running import DEMO_FOLDER, read_note

ANSWER_WAIT_S = 60.0
CONNECT_WAIT_S = 5.0
"""An address at which nobody takes a connection within that time is unreachable; nobody waits for it in silence."""
PAGE_ROWS = 500


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
        if (url := chosen_url()) and url != addresses.get("reporting"):
            note, addresses = {}, _named_by(url)  # the keys of this folder go nowhere else
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
        """A key for a role: `PANDA_KEY`, that in `PANDA_KEY_FILE`, or what the stack here made; ends without any."""
        key = os.environ.get("PANDA_KEY") or _key_in(os.environ.get("PANDA_KEY_FILE")) or self.keys.get(role)
        if not key:
            mend = "set PANDA_KEY, or run this in the folder where `panda up` or `panda demo` runs"
            raise fail(f"no key for the role {role}: {mend}")
        return key

    def client(self, service: str, role: str | None) -> httpx.Client:
        """A client of one service that sends a role's key; None: no key, for what everybody may read."""
        own = os.environ.get(f"PANDA_{service.upper()}_KEY")
        headers = {"Authorization": f"Bearer {own or self.key(role)}"} if role else {}
        timeout = httpx.Timeout(ANSWER_WAIT_S, connect=CONNECT_WAIT_S)
        return httpx.Client(base_url=self.urls[service], headers=headers, timeout=timeout, trust_env=False)

    def reach(self, service: str) -> None:
        """Ends the command within `CONNECT_WAIT_S` where nobody takes a connection at the service's address."""
        try:
            with self.client(service, None) as client:
                client.get("/healthz", timeout=CONNECT_WAIT_S)
        except httpx.ReadTimeout:
            return  # it is there, and busy: what is asked next waits longer
        except httpx.TransportError as error:
            raise unreachable(error) from error

    def request(
        self,
        service: str,
        role: str | None,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str | int] | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """The JSON that a service answers. Ends the command where it refuses, or does not answer at all."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        try:
            with self.client(service, role) as client:
                return body_of(client.request(method, path, json=body, params=params, headers=headers))
        except httpx.TransportError as error:
            raise unreachable(error) from error

    def items(
        self,
        service: str,
        role: str | None,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        limit: int = PAGE_ROWS,
    ) -> list[dict[str, Any]]:
        """All rows of a list, page after page. Ends the command as `request` does."""
        rows: list[dict[str, Any]] = []
        after: str | None = ""
        while after is not None:
            page = self.request(service, role, "GET", path, params={**(params or {}), "after": after, "limit": limit})
            rows += page["items"]
            after = page["next"]
        return rows


def _key_in(file: str | None) -> str:
    """Ends the command where the file cannot be read."""
    try:
        return Path(file).read_text().strip() if file else ""
    except OSError as error:
        raise fail(f"PANDA_KEY_FILE {file} cannot be read: {error.strerror}") from error


def _named_by(url: str) -> dict[str, str]:
    """The addresses of an installation, as its reporting names them. Ends the command where it does not."""
    try:
        with httpx.Client(timeout=httpx.Timeout(ANSWER_WAIT_S, connect=CONNECT_WAIT_S), trust_env=False) as client:
            named: dict[str, str] = body_of(client.get(f"{url}/v1/installation"))["services"]
    except httpx.TransportError as error:
        raise unreachable(error) from error
    return {**named, "reporting": url}


def _keys(note: dict[str, Any]) -> dict[str, str]:
    try:
        keys: dict[str, str] = json.loads(Path(note["keys"]).read_text())
    except (KeyError, OSError, ValueError):
        return {}
    return keys


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON. A problem ends the command with its own detail."""
    if answer.is_success:
        body: dict[str, Any] = answer.json() if answer.content else {}
        return body
    try:
        problem = answer.json()
        detail = f"{problem['code']}: {problem['detail']} (request {problem.get('request_id', '?')})"
    except (ValueError, KeyError, TypeError):
        detail = f"{answer.request.url} answered {answer.status_code}"
    raise fail(detail)


def unreachable(error: httpx.TransportError) -> typer.Exit:
    """A service does not answer at all."""
    try:
        where = str(error.request.url)
    except RuntimeError:  # it failed before there was a request
        where = "the service"
    return fail(f"{where} does not answer ({error}): is it running? `panda status` tells", EXIT_UNREACHABLE)
