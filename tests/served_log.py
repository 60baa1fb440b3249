"""A public log in memory, made of real entries and served by a small server of its own, for those who tamper with it.

By default all that is served follows from `entries`. A test replaces what it wants to be false: `bundled`, `hashed` and
`lined` are the entries as bundles, tiles and lines have them, `shown` changes figures, `paths` replaces single answers.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pandapack.contracts.merkle import leaf_hash, root_of
from pandapack.contracts.tlog.checkpoint import checkpoint_at, sign_checkpoint
from pandapack.contracts.tlog.cosignature import WitnessSigner
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.note import Note, SignerKey
from pandapack.contracts.tlog.tiles import WIDTH, Bundle, Tile, bundle_bytes, parse_path, width_at
from pandapack.transparency.reading import Reading
from tests.unit.contracts.test_public_fold import entries as entries_of
from tests.unit.contracts.tlog.logs import LOG_KEY
from tests.unit.reporting.history import programme

NOW = datetime(2031, 5, 4, 10, 0, tzinfo=UTC)
ENTRIES = tuple(entries_of(programme()))
"""A programme from its publication to pupils, an entry an event."""


class ServedLog:
    """The log, its checkpoint as it is signed last, and where it is served."""

    def __init__(self, entries: Sequence[bytes] = ENTRIES, key: SignerKey = LOG_KEY) -> None:
        self.entries, self.key = list(entries), key
        self.bundled, self.hashed, self.lined = list(entries), list(entries), list(entries)
        self.has_figures = True
        self.behind = 0
        self.shown: Callable[[str, dict[str, Any]], None] = lambda table, answer: None
        self.paths: dict[str, bytes | None] = {}
        self.address = ""
        self.note = self.sign()

    def forge(self, entries: Sequence[bytes]) -> None:
        """From now on this is the log, in every form that it is served in."""
        self.entries = list(entries)
        self.bundled, self.hashed, self.lined = list(entries), list(entries), list(entries)

    def sign(
        self,
        size: int | None = None,
        at: datetime = NOW,
        witnesses: Sequence[WitnessSigner] = (),
        key: SignerKey | None = None,
    ) -> Note:
        """Signs a checkpoint of the first entries, and serves it from now on."""
        signed = self.entries if size is None else self.entries[:size]
        signer = key or self.key
        root = root_of([leaf_hash(entry) for entry in signed])
        checkpoint = checkpoint_at(signer.name, len(signed) if size is None else size, root, at)
        note = sign_checkpoint(checkpoint, [signer])
        lines = [one.cosign(checkpoint, int(at.timestamp())) for one in witnesses]
        self.note = note.with_signatures(lines)
        return self.note

    def answer(self, target: str) -> bytes | None:
        """What is served at a path with its query; None is a 404."""
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path in self.paths:
            return self.paths[url.path]
        match url.path:
            case "/log/checkpoint":
                return self.note.raw
            case "/log/key":
                return f"{self.key.verifier.text}\n".encode()
            case "/log/entries.ndjson":
                lines = self.lined[int(query["from"]) : int(query["to"])]
                return b"".join(line + b"\n" for line in lines)
            case path if path.startswith("/log/tile/"):
                return self._tile(path.removeprefix("/log/"))
            case path if path.startswith("/v1/") and self.has_figures:
                return self._figures(path, int(query["as_of"]))
            case _:
                return None

    def _tile(self, path: str) -> bytes | None:
        try:
            wanted = parse_path(path)
        except Malformed:
            return None
        first = wanted.index * WIDTH
        if isinstance(wanted, Bundle):
            found = self.bundled[first : first + wanted.width]
            return bundle_bytes(found) if first + wanted.width <= len(self.hashed) else None
        if width_at(len(self.hashed), wanted.level, wanted.index) < wanted.width:
            return None
        return b"".join(self._hash(Tile(wanted.level, first + n)) for n in range(wanted.width))

    def _hash(self, at: Tile) -> bytes:
        """Of a node: `index` counts within its level."""
        count = WIDTH**at.level
        return root_of([leaf_hash(entry) for entry in self.hashed[at.index * count : (at.index + 1) * count]])

    def _figures(self, path: str, size: int) -> bytes:
        reading = Reading()
        for entry in self.entries[:size]:
            reading.read(entry)
        tables = {name: {"items": rows, "next": None} for name, rows, _ in reading.tables()}
        table = path.removeprefix("/v1/totals").removeprefix("/v1/").removeprefix("/")
        found: dict[str, Any] = {"": reading.totals, "conservation": reading.conservation, **tables}[table]
        answer = json.loads(json.dumps({**found, "snapshot": {"size": size, "at": reading.books.at, "ahead": None}}))
        self.shown(table, answer)
        return json.dumps(answer).encode()


@contextmanager
def served(log: ServedLog) -> Iterator[str]:
    """Serves it at a free port of the loopback; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = log.answer(self.path)
            status = 404 if found is None else 200
            if found is not None and log.behind and self.path.startswith("/v1/"):
                status, found = 404, b'{"code":"size_unknown"}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    log.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield log.address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
