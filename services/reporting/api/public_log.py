"""The public log by HTTP, at the addresses of C2SP tlog-tiles: whoever copies them has the log.

A tile, a bundle and a range of entries never change, and may be kept for good, or read by ranges of bytes; the
checkpoint is of now.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pandapack.contracts.tlog.encoding import SIZE_MAX, Malformed, to_base64
from pandapack.contracts.tlog.tiles import WIDTH, Bundle, bundle_bytes, parse_path
from pandapack.runtime.http import Problem
from services.reporting.api.ranges import FOR_GOOD, OF_NOW, answer_of
from services.reporting.domain.public_log import LogHead
from services.reporting.store.public_log import ENTRIES_A_READ_MAX, PublicLog
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.consistency import kept_consistency_proof, kept_tile

ENTRIES_AN_ANSWER_MAX = 4_096
"""Of `entries.ndjson`: some 2 MB of common entries; whoever wants more asks for the next."""
BYTES_TYPE = "application/octet-stream"
NOTE_TYPE = "text/plain; charset=utf-8"
NDJSON_TYPE = "application/x-ndjson"
NOW = {"Cache-Control": OF_NOW, "Access-Control-Allow-Origin": "*"}
TAG_BYTES = 16


def public_log_router(checkpoints: Checkpoints, kept: PublicLog) -> APIRouter:
    """`/log/checkpoint`, `/log/key`, `/log/tile/…`, `/log/consistency`, `/log/entries.ndjson`."""
    router = APIRouter(prefix="/log", tags=["public log"])

    @router.get("/checkpoint", response_class=Response)
    async def get_checkpoint() -> Response:
        """The log's size and root, as a signed note (C2SP tlog-checkpoint) with its time; then witnesses' lines."""
        return Response(await checkpoints.latest(), media_type=NOTE_TYPE, headers=NOW)

    @router.get("/key", response_class=Response)
    async def get_log_key() -> Response:
        """The public key that signs checkpoints. Keep it from a day on which you trust us."""
        return Response(checkpoints.key + "\n", media_type=NOTE_TYPE, headers=NOW)

    @router.get("/tile/{path:path}", response_class=Response)
    @router.head("/tile/{path:path}", include_in_schema=False)
    async def get_tile(request: Request, path: str) -> Response:
        """A tile of hashes (`0/000`), or a bundle of entries (`entries/000`), as C2SP tlog-tiles names them."""
        try:
            wanted = parse_path(f"tile/{path}")
        except Malformed as error:
            raise Problem(404, "log_path_unknown", str(error)) from error
        head = await kept.head()
        found = await (_bundle(kept, head, wanted) if isinstance(wanted, Bundle) else kept_tile(kept, head, wanted))
        if found is None:
            detail = f"the log has {head.size} entries, and {wanted.path} is not in it, or not as wide yet"
            raise Problem(404, "log_path_unknown", detail)
        return answer_of(request, found, _tag(found), media_type=BYTES_TYPE, cache=FOR_GOOD)

    @router.get("/consistency", response_class=Response)
    async def get_consistency_proof(
        request: Request,
        first: Annotated[int, Query(alias="from", ge=0, le=SIZE_MAX, description="The smaller size.")],
        to: Annotated[int, Query(ge=0, le=SIZE_MAX, description="The larger one.")],
    ) -> Response:
        """What shows that the log of `to` entries begins with that of `from` (RFC 9162): a base64 hash a line."""
        head = await kept.head()
        if not first <= to <= head.size:
            detail = f"the log has {head.size} entries, and a proof leads from a size to one that is no smaller"
            raise Problem(422, "log_range_invalid", detail)
        proof = await kept_consistency_proof(kept, head, first, to)
        text = "".join(f"{to_base64(one)}\n" for one in proof).encode()
        return answer_of(request, text, _tag(text), media_type=NOTE_TYPE, cache=FOR_GOOD)

    @router.get("/entries.ndjson", response_class=Response)
    @router.head("/entries.ndjson", include_in_schema=False)  # engines that read ranges ask first how long it is
    async def get_entries(
        request: Request,
        first: Annotated[int, Query(alias="from", ge=0, le=SIZE_MAX, description="The index of the first entry.")] = 0,
        to: Annotated[int | None, Query(ge=0, le=SIZE_MAX, description="That behind the last one.")] = None,
    ) -> Response:
        """Entries as they are, one a line, at most 4,096; without `to` as many as there are by now."""
        head = await kept.head()
        end = min(head.size, first + ENTRIES_AN_ANSWER_MAX) if to is None else to
        if not first <= end <= head.size or end - first > ENTRIES_AN_ANSWER_MAX:
            detail = f"the log has {head.size} entries, and an answer at most {ENTRIES_AN_ANSWER_MAX} of them"
            raise Problem(422, "log_range_invalid", detail)
        lines = await _lines(kept, first, end)
        cache = OF_NOW if to is None else FOR_GOOD
        return answer_of(request, lines, _tag(lines), media_type=NDJSON_TYPE, cache=cache)

    return router


async def _lines(kept: PublicLog, first: int, end: int) -> bytes:
    found = list[bytes]()
    while first < end:
        entries = await kept.entries(first, min(end - first, ENTRIES_A_READ_MAX))
        found += [entry + b"\n" for entry in entries]
        first += len(entries)
    return b"".join(found)


def _tag(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=TAG_BYTES).hexdigest()


async def _bundle(kept: PublicLog, head: LogHead, bundle: Bundle) -> bytes | None:
    first = bundle.index * WIDTH
    if first + bundle.width > head.size:
        return None
    return bundle_bytes(await kept.entries(first, bundle.width))
