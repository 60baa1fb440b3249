"""HTTP in: pushes from the platform, and what became of them."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from pandapack.contracts.donations import DAY_OFFSET_US, DAY_US, day_of_name, line_of
from pandapack.contracts.pages import page_id
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import IDEMPOTENCY_KEY_CHARACTERS_MAX, Problem, json_bytes
from pandapack.runtime.sender import Sender
from services.donations.domain.intake import Intake, Reader
from services.donations.settings import Settings
from services.donations.store import Page, Push, Stores

BODY_BYTES_MAX = 5 * 1024 * 1024
LINES_A_PUSH_MAX = 10_000
BODIES_BYTES_MAX = 64 * 1024 * 1024
"""Bodies held in memory at once, over all pushes; beyond it pushes are asked to wait."""
BUSY_RETRY_S = 1
FINDINGS_SHOWN_MAX = 1_000
NDJSON = ("application/x-ndjson", "application/jsonl", "application/ndjson")
GZIP_WINDOW = 31


@dataclass(slots=True)
class Gate:
    """Bounds the memory that bodies take."""

    held_bytes: int = 0

    def enter(self, size: int) -> None:
        """Raises Problem 429 where too much is held already."""
        if self.held_bytes + size > BODIES_BYTES_MAX:
            words = f"more than {BODIES_BYTES_MAX >> 20} MiB of pushes are being taken; push again in {BUSY_RETRY_S} s"
            raise Problem(429, "busy", words).retry_after(BUSY_RETRY_S)
        self.held_bytes += size

    def leave(self, size: int) -> None:
        self.held_bytes -= size


class Desk:
    """Takes pushes: validates, stores the push, publishes by line, answers."""

    def __init__(
        self,
        stores: Stores,
        sender: Sender,
        clock: Clock,
        chance: Chance,
        settings: Settings,
        topic: Callable[[str], str],
    ) -> None:
        self._stores, self._sender, self._clock, self._chance = stores, sender, clock, chance
        self._settings = settings
        self._topic = topic("donations.pushed")
        self._reader = Reader(settings.lines)
        self.gate = Gate()

    async def take(self, caller: Caller, key: str | None, body: bytes, content_type: str) -> tuple[int, dict[str, Any]]:
        """Status and answer. 202: every accepted row is in Kafka, and will be counted or listed under the push.

        Raises Problem; KafkaUnavailable and AnswerLost (503: push the same body again).
        """
        raws = split(body, content_type)
        intake = self._reader.read(raws, now=self._clock.now(), accept_days=self._settings.accept_days)
        key = key or self._chance.token()
        push_id = "psh_" + hashlib.sha256(f"{caller.prefix}\n{key}".encode()).hexdigest()[:24]
        if intake.accepted == 0:
            return 422, {**_answer(push_id, intake), **_refused_whole(len(raws))}
        digest = hashlib.sha256(body).hexdigest()
        push = await self._stores.pushes.open(Push(push_id, digest, caller.prefix, self._clock.now(), None))
        if push.digest != digest:
            raise Problem(
                409,
                "idempotency_key_reused",
                f"Idempotency-Key {key!r} was used before with another body; send the same body, or choose a new key",
            )
        if push.answer is not None:
            return 202, push.answer
        await self._publish(push_id, intake)
        answer = _answer(push_id, intake)
        await self._stores.pushes.answered(push_id, answer)
        return 202, answer

    async def _publish(self, push_id: str, intake: Intake) -> None:
        headers = [("push", push_id.encode())]
        async with asyncio.TaskGroup() as sends:
            for line, raws in intake.lines.items():
                value = b"\n".join(raws)
                key = str(line).encode()
                sends.create_task(self._sender.send(self._topic, key=key, value=value, partition=line, headers=headers))


def _answer(push_id: str, intake: Intake) -> dict[str, Any]:
    failures = [
        {"index": f.index, "pointer": f.pointer, "code": f.code, "message": {"en": f.en, "zh": f.zh}}
        for f in intake.failures
    ]
    return {"push_id": push_id, "accepted": intake.accepted, "rejected": len(failures), "failures": failures}


def _refused_whole(lines: int) -> dict[str, Any]:
    words = f"none of the {lines} lines is a donation; `failures` says what is wrong with each"
    code = "nothing_accepted"
    return {"type": f"/problems/{code}", "title": "nothing accepted", "status": 422, "code": code, "detail": words}


def split(body: bytes, content_type: str) -> list[bytes]:
    """The raw donations of a body: one object, an array, or NDJSON. Raises Problem."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in NDJSON:
        raws = [raw for raw in body.split(b"\n") if raw.strip()]
    elif kind == "application/json":
        raws = _split_json(body)
    else:
        words = f"content type {kind or 'none'} is not taken: send application/json or application/x-ndjson"
        raise Problem(415, "content_type_unknown", words)
    if not raws:
        raise Problem(400, "empty", "the body holds no donation")
    if len(raws) > LINES_A_PUSH_MAX:
        words = f"{len(raws)} lines: a push has at most {LINES_A_PUSH_MAX}; split it"
        raise Problem(413, "too_many_lines", words, limit=LINES_A_PUSH_MAX)
    return raws


def _split_json(body: bytes) -> list[bytes]:
    if not body.lstrip().startswith(b"["):
        return [_one_line(body)]
    try:
        return [_one_line(bytes(raw)) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except msgspec.DecodeError as error:
        raise Problem(400, "not_json", f"the body is not a JSON array: {error}") from error


def _one_line(raw: bytes) -> bytes:
    # Outside strings a line break is mere white space, and inside strings JSON has none.
    return raw.replace(b"\n", b" ").replace(b"\r", b" ").strip()


async def body_of(request: Request, gate: Gate) -> tuple[bytes, int]:
    """The body, inflated, and the bytes that it holds in the gate. Raises Problem 413, 400, 415, 429."""
    held, chunks = 0, []
    try:
        async for chunk in request.stream():
            gate.enter(len(chunk))
            held += len(chunk)
            chunks.append(chunk)
            if held > BODY_BYTES_MAX:
                raise Problem(
                    413, "body_too_large", f"a push has at most {BODY_BYTES_MAX} bytes; split it", limit=BODY_BYTES_MAX
                )
        return _inflated(b"".join(chunks), request.headers.get("content-encoding", "")), held
    except BaseException:
        gate.leave(held)
        raise


def _inflated(body: bytes, encoding: str) -> bytes:
    match encoding.lower():
        case "" | "identity":
            return body
        case "gzip":
            stream = zlib.decompressobj(GZIP_WINDOW)
            try:
                plain = stream.decompress(body, BODY_BYTES_MAX + 1)
            except zlib.error as error:
                raise Problem(400, "not_gzip", f"the body is not gzip: {error}") from error
            if len(plain) > BODY_BYTES_MAX:
                words = f"a push has at most {BODY_BYTES_MAX} bytes once inflated; split it"
                raise Problem(413, "body_too_large", words, limit=BODY_BYTES_MAX)
            if not stream.eof:
                raise Problem(400, "not_gzip", "the gzip stream ends too early")
            return plain
        case _:
            raise Problem(415, "encoding_unknown", f"content encoding {encoding} is not taken: send gzip or none")


def router(stores: Stores, desk: Desk, settings: Settings) -> APIRouter:
    """`/v1/donations` and `/v1/pushes`."""
    router = APIRouter(prefix="/v1", tags=["donations"])

    @router.post("/donations", status_code=202)
    async def push(request: Request, caller: Annotated[Caller, Depends(needs(Role.PLATFORM))]) -> Response:
        """Takes one donation, an array of them, or NDJSON. Good lines are taken although others are refused.

        202 says that all accepted lines are safe in Kafka. After 5xx or silence push the same body again: nothing
        counts twice. With an Idempotency-Key the same body gets the same answer, another body 409.
        """
        key = request.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= IDEMPOTENCY_KEY_CHARACTERS_MAX:
            words = f"Idempotency-Key has 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} characters"
            raise Problem(400, "idempotency_key_invalid", words)
        body, held = await body_of(request, desk.gate)
        try:
            status, answer = await desk.take(caller, key, body, request.headers.get("content-type", ""))
        finally:
            desk.gate.leave(held)
        media_type = "application/json" if status == 202 else "application/problem+json"
        return Response(json_bytes(answer), status, media_type=media_type)

    @router.get("/pushes/{push_id}")
    async def one_push(
        push_id: str, caller: Annotated[Caller, Depends(needs(Role.PLATFORM, Role.AUDITOR))]
    ) -> JSONResponse:
        """What became of a push: what was answered, and what the ledger found beside the rows that it counted."""
        push = await stores.pushes.get(push_id)
        if push is None or (caller.role is Role.PLATFORM and push.caller != caller.prefix):
            raise Problem(404, "push_unknown", f"there is no push {push_id} of yours")
        findings = await stores.pages.finding(push_id)
        shown = [{"kind": f.kind, "merchant": f.merchant, "id": f.id} for f in findings[:FINDINGS_SHOWN_MAX]]
        return JSONResponse(
            {
                "push_id": push_id,
                "at": push.at.isoformat(),
                "state": "published" if push.answer else "unfinished",
                **{name: (push.answer or {}).get(name) for name in ("accepted", "rejected", "failures")},
                "duplicates": sum(f.kind == "duplicate" for f in findings),
                "conflicts": sum(f.kind == "conflict" for f in findings),
                "findings": shown,
            }
        )

    @router.get("/donations/{merchant}/{id}", dependencies=[Depends(needs(Role.PLATFORM, Role.AUDITOR))])
    async def one_donation(merchant: str, id: str, day: Annotated[date, Query()]) -> dict[str, Any]:
        """Where a donation lies: page, row, interval on the fen line, and the seal of its page once it has one."""
        line = line_of(merchant, settings.lines)
        async for page in stores.pages.covering(line, day.isoformat()):
            row = _find(page, merchant, id, day_of_name(day.isoformat()))
            if row is not None:
                return await _located(stores, page, row, day.isoformat())
        words = (
            f"merchant {merchant} has no donation {id} on {day.isoformat()}: look at the day, it is in Asia/Shanghai"
        )
        raise Problem(404, "donation_unknown", words)

    return router


def _find(page: Page, merchant: str, id: str, day: int) -> int | None:
    low, high = day * DAY_US - DAY_OFFSET_US, (day + 1) * DAY_US - DAY_OFFSET_US
    columns = page.columns
    for row, known in enumerate(columns.ids):
        if known == id and columns.merchants[row] == merchant and low <= columns.times_us[row] < high:
            return row
    return None


async def _located(stores: Stores, page: Page, row: int, day: str) -> dict[str, Any]:
    columns, head = page.columns, page.head
    programme, fen = columns.programmes[row], columns.amounts_fen[row]
    before = (columns.amounts_fen[r] for r in range(row) if columns.programmes[r] == programme)
    fen_from = head.intervals[programme][0] + sum(before)
    seal = await stores.seals.one(head.line, head.number) if head.closed else None
    return {
        "merchant": columns.merchants[row],
        "id": columns.ids[row],
        "day": day,
        "programme": programme,
        "amount_fen": fen,
        "at_us": columns.times_us[row],
        "line": head.line,
        "page": page_id(head.line, head.number),
        "row": row,
        "page_closed": head.closed,
        "fen_from": fen_from,
        "fen_to": fen_from + fen,
        "seal": None
        if seal is None
        else {
            "rows": seal.rows,
            "root": seal.root.hex(),
            "previous": seal.previous.hex(),
            "chained": seal.chained.hex(),
        },
    }
