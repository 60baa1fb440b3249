"""A log as it is served: its files by path, in a folder or behind a client, with the page's figures beside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.tlog.checkpoint import checkpoint_at, sign_checkpoint
from pandapack.contracts.tlog.note import SignerKey
from pandapack.contracts.tlog.tiles import Tile, tiles_of
from pandapack.contracts.tlog.tree import Edge, append
from pandapack.recount.fetching import ENTRIES_A_FILE, Address
from tests.unit.contracts.test_public_fold import Account

SIGNER = SignerKey("log.example/panda-pack", b"\x07" * 32)
SIGNED_AT = datetime(2021, 11, 12, tzinfo=UTC)


def files_of(entries: Sequence[bytes], signer: SignerKey = SIGNER) -> dict[str, bytes]:
    """Path → content, as a mirror's folder has it."""
    hashes = [leaf_hash(entry) for entry in entries]
    known = append(Edge(), hashes)
    checkpoint = checkpoint_at(signer.name, len(entries), known.edge.root, SIGNED_AT)
    files = {
        "log/checkpoint": sign_checkpoint(checkpoint, [signer]).raw,
        "log/key": f"{signer.verifier.text}\n".encode(),
    }
    files |= {f"log/{tile.path}": known.tiles[tile] for tile in tiles_of(len(entries)) if isinstance(tile, Tile)}
    for first in range(0, len(entries), ENTRIES_A_FILE):
        files[f"log/entries/{first:09d}.ndjson"] = lines(entries[first : first + ENTRIES_A_FILE])
    return files


def lines(entries: Sequence[bytes]) -> bytes:
    return b"".join(entry + b"\n" for entry in entries)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


class Served:
    """The service, without one: `asked` are the ranges of entries that were fetched."""

    def __init__(self, entries: Sequence[bytes], files: dict[str, bytes] | None = None) -> None:
        self.entries, self.files = list(entries), files_of(entries) if files is None else files
        self.asked: list[tuple[int, int]] = []
        self.falsified: dict[str, Any] = {}

    def address(self, kept: Path) -> Address:
        client = httpx.Client(transport=httpx.MockTransport(self._answer), base_url="http://log.example")
        return Address(client, kept)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path, params = request.url.path.removeprefix("/"), request.url.params
        if path == "log/entries.ndjson":
            first, end = int(params["from"]), int(params["to"])
            self.asked.append((first, end))
            return httpx.Response(200, content=lines(self.entries[first:end]))
        if path in self.files:
            return httpx.Response(200, content=self.files[path])
        if path.startswith("v1/"):
            return httpx.Response(200, json=self._figures(path, int(params["as_of"])))
        return httpx.Response(404, text="there is no such path")

    def _figures(self, path: str, size: int) -> dict[str, Any]:
        tables = Account(self.entries[:size]).tables
        if path == "v1/totals":
            return {**tables["totals"], "snapshot": {"size": size, "at": None, "ahead": None}, **self.falsified}
        if path == "v1/conservation":
            return tables["conservation"]
        return {"items": tables[path.rpartition("/")[2]], "next": None}
