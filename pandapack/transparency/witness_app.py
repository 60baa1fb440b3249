"""A witness by HTTP, as C2SP tlog-witness says: `POST /add-checkpoint`, and beside it what it cosigned last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pandapack.contracts.tlog.checkpoint import Checkpoint
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.note import NotSigned, VerifierKey, signers_of
from pandapack.contracts.tlog.witness import (
    ADD_CHECKPOINT,
    REQUEST_BYTES_MAX,
    TEXT_TYPE,
    AddCheckpoint,
    Answer,
    shown_at,
    witnessed,
)
from pandapack.transparency.witness_state import StateRefused, WitnessState

Logs = Mapping[str, Sequence[VerifierKey]]
"""The keys that a witness trusts, by origin."""


class Witness:
    """Decides one request after another: what it answers is on the disk before it answers."""

    def __init__(self, state: WitnessState, logs: Logs, now: Callable[[], datetime]) -> None:
        self.state, self._logs, self._now = state, logs, now

    def add_checkpoint(self, raw: bytes) -> Answer:
        """What to answer to a request's body. Never raises for what a stranger may send."""
        try:
            request = AddCheckpoint.parse(raw)
            checkpoint = Checkpoint.parse(request.note.text)
        except Malformed as why:
            return Answer(HTTPStatus.BAD_REQUEST, f"{why}\n")
        signer, origin = self.state.signer, checkpoint.origin
        if origin not in self._logs:
            return witnessed(raw, self._logs, None, signer, self._at_s()).answer
        try:
            last = self.state.last(origin)
            if checkpoint.size > (last.size if last else 0) and self._is_own(request):
                self.state.keep_evidence(origin, request.note)
            forgotten = self.state.forgotten(origin)
        except StateRefused as why:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{why}\n")
        if forgotten:
            told = f"this witness once cosigned {forgotten} entries and remembers {last.size if last else 0}"
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{told}: its state was rolled back, and it stops\n")
        outcome = witnessed(raw, self._logs, last, signer, self._at_s())
        if outcome.state is not None:
            self.state.keep(outcome.state)
        return outcome.answer

    def last_note(self, path: str) -> bytes | None:
        """The note of the log whose last checkpoint is shown at a path, or None."""
        for origin in self._logs:
            if shown_at(origin) == path:
                last = self.state.last(origin)
                return None if last is None else last.note
        return None

    def _is_own(self, request: AddCheckpoint) -> bool:
        """Whether the witness's own line stands under the checkpoint, and holds: nobody else could have written it."""
        try:
            return bool(signers_of(request.note, [self.state.signer.verifier]))
        except NotSigned:
            return False

    def _at_s(self) -> int:
        return int(self._now().timestamp())


def witness_app(witness: Witness) -> Starlette:
    """`POST /add-checkpoint`, `GET /key`, and `GET /HASH/checkpoint` of each log (HASH: SHA-256 of its origin)."""
    one_at_a_time = asyncio.Lock()

    async def add_checkpoint(request: Request) -> Response:
        raw = bytearray()
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > REQUEST_BYTES_MAX:
                return Response(f"a request has at most {REQUEST_BYTES_MAX} bytes\n", 413, media_type=TEXT_TYPE)
        async with one_at_a_time:
            answer = await asyncio.to_thread(witness.add_checkpoint, bytes(raw))
        return Response(answer.body, answer.status, headers={"Content-Type": answer.content_type})

    async def get_key(_: Request) -> Response:
        return Response(f"{witness.state.signer.verifier.text}\n", media_type=TEXT_TYPE)

    async def get_last(request: Request) -> Response:
        async with one_at_a_time:
            note = await asyncio.to_thread(witness.last_note, request.url.path.removeprefix("/"))
        if note is None:
            return Response("this witness has cosigned no such log\n", 404, media_type=TEXT_TYPE)
        return Response(note, media_type=TEXT_TYPE)

    return Starlette(
        routes=[
            Route(f"/{ADD_CHECKPOINT}", add_checkpoint, methods=["POST"]),
            Route("/key", get_key),
            Route("/{hash}/checkpoint", get_last),
        ]
    )
