"""A stand-in for the donations service's `GET /v1/donations/…`: it knows some donations of the history, and a key."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlparse

from tests.unit.reporting.history import PROGRAMME

SERVICE_KEY = "panda_auditor_test_service"
DAY, PLATFORM = "2021-11-11", "shop"
DONATIONS = {"first": (0, 0, 5), "straddling": (0, 598, 603), "given-back": (1, 368, 372), "waiting": (0, 1595, 1600)}
DONATIONS |= {"lost": (0, 200, 205), "refunded": (0, 10, 15), "refunded-in-part": (0, 15, 20)}
"""id → (shard, fen_from, fen_to)."""
REVERSED_FEN = {"refunded": 5, "refunded-in-part": 2}
REVERSED_AT = "2021-11-13T02:00:00+00:00"


class _Ledger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = urlparse(self.path)
        *_, merchant, id = [unquote(part) for part in asked.path.split("/")]
        day = parse_qs(asked.query).get("day", [""])[0]
        if self.headers["Authorization"] != f"Bearer {SERVICE_KEY}":
            self._answer(401, {"code": "key_unknown", "detail": "no"})
        elif asked.path == "/v1/platforms":
            self._answer(200, {"items": [{"platform": PLATFORM}], "next": None})
        elif asked.path.startswith("/v1/shards/"):
            self._answer(*_holder(int(asked.path.split("/")[3]), int(id)))
        elif id in DONATIONS and day == DAY and asked.path.startswith("/v1/proofs/"):
            self._answer(200, _unproven(merchant, id))
        elif id in DONATIONS and day == DAY and merchant.startswith(f"{PLATFORM}:"):
            self._answer(200, _located(merchant, id))
        else:
            self._answer(404, {"code": "donation_unknown", "detail": f"merchant {merchant} has no donation {id}"})

    def _answer(self, status: int, body: dict[str, object]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


def _located(merchant: str, id: str) -> dict[str, object]:
    shard, fen_from, fen_to = DONATIONS[id]
    reversed_fen = REVERSED_FEN.get(id, 0)
    return {
        "merchant": merchant,
        "id": id,
        "day": DAY,
        "programme": PROGRAMME,
        "amount_fen": fen_to - fen_from,
        "reversed_fen": reversed_fen,
        "reversals": [{"amount_fen": reversed_fen, "at": REVERSED_AT}] if reversed_fen else [],
        "at_us": 0,
        "shard": shard,
        "page": f"{shard:04d}/0000000000",
        "row": 0,
        "page_closed": True,
        "fen_from": fen_from,
        "fen_to": fen_to,
        "seal": {"rows": 1, "root": "aa", "previous": "bb", "chained": "cc"},
    }


def _unproven(merchant: str, id: str) -> dict[str, object]:
    shard, fen_from, fen_to = DONATIONS[id]
    donation = {"id": id, "merchant": merchant, "programme": PROGRAMME, "amount_fen": fen_to - fen_from, "at_us": 0}
    page = {"shard": shard, "page": 0, "row": 0}
    return {"state": "page_open", "donation": donation, "page": page, "opened_on": DAY}


def _holder(shard: int, fen: int) -> tuple[int, dict[str, object]]:
    """Whose a fen is: of the first parcel `first`, of all others nobody that is known."""
    if shard == 0 and fen < 97:
        return 200, {"merchant": f"{PLATFORM}:M0", "id": "first", "day": DAY, "amount_fen": 5}
    return 404, {"code": "fen_unknown", "detail": f"no fen {fen}"}


@contextmanager
def ledger() -> Iterator[str]:
    """Its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Ledger)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
