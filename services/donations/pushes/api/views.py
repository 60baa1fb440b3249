"""What became of a push, as its platform or staff see it; and waiting for that."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Query, Request

from pandapack.contracts.donations import EPOCH
from pandapack.contracts.pages import page_id
from pandapack.runtime.auth import Caller
from pandapack.runtime.http import Problem
from services.donations.ledger.domain.findings import Finding
from services.donations.platforms.api.access import shown_merchant
from services.donations.pushes.domain.judgement import judgement
from services.donations.pushes.domain.push import Push
from services.donations.pushes.work.book import PushBook
from services.donations.pushes.work.waiting import Waiting

FINDINGS_SHOWN_MAX = 1_000
WAIT_S_MAX = 30
WAIT_FORM = re.compile(r"([1-9][0-9]?)s")

Wait = Annotated[
    str | None,
    Query(
        description=f"Wait until the push is judged, so long at most: 1s to {WAIT_S_MAX}s. Where the time passes, it "
        "is shown as it stands.",
        json_schema_extra={"pattern": "^([1-9]|[12][0-9]|30)s$"},
    ),
]


def seconds_of(wait: str | None) -> int:
    """How long to wait; 0: not at all. Raises Problem 422."""
    if wait is None:
        return 0
    form = WAIT_FORM.fullmatch(wait)
    if form is None or int(form[1]) > WAIT_S_MAX:
        detail = f"wait is whole seconds with an s behind, 1s to {WAIT_S_MAX}s, such as ?wait=5s: send it so, or not"
        raise Problem(422, "wait_invalid", detail)
    return int(form[1])


class PushViews:
    """Shows pushes and what became of them."""

    def __init__(self, book: PushBook) -> None:
        self._pushes, self._pages, self._gaps = book.pushes, book.pages, book.gaps
        self._waiting = Waiting(book.pages.next_offset)

    async def answer_of(self, request: Request, caller: Caller, answer: dict[str, Any], wait_s: int) -> dict[str, Any]:
        """What a push that was accepted is answered: that, and, where `wait_s` is not 0, what became of it by then."""
        push = await self._pushes.get(answer["push_id"]) if wait_s else None
        return answer if push is None else await self.of(request, caller, push, wait_s)

    async def of(self, request: Request, caller: Caller, push: Push, wait_s: int) -> dict[str, Any]:
        """What became of a push, `wait_s` seconds from now at most."""
        if wait_s:
            await self._wait(request, push, wait_s)
        return await self._view(caller, push)

    async def _wait(self, request: Request, push: Push, wait_s: int) -> None:
        """Ends early where nobody waits for the answer any more."""
        wait = asyncio.create_task(self._waiting.until_decided(push.ends, wait_s))
        gone = asyncio.create_task(_is_gone(request))
        try:
            await asyncio.wait((wait, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (wait, gone):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(wait, gone, return_exceptions=True)

    async def _view(self, caller: Caller, push: Push) -> dict[str, Any]:
        # How far the shards are is read first: what lies before that is among the findings that are read then.
        offsets = await asyncio.gather(*map(self._pages.next_offset, push.ends))
        known = await asyncio.gather(*[self._gaps.get(str(shard)) for shard in push.ends])
        lost = {
            one.shard: [range(done.gap.wanted, done.gap.begins) for done in one.resumptions] for one in known if one
        }
        findings = await self._pages.findings_of(push.id)
        findings.sort(key=lambda found: (found[1].index is None, found[1].index or 0))
        kinds = [finding.kind for _, finding in findings]
        judged = judgement(push, kinds, dict(zip(push.ends, offsets, strict=True)), lost)
        answer: Mapping[str, Any] = push.answer or {}
        return {
            "push_id": push.id,
            "at": push.at.isoformat(),
            "state": judged.state,
            **{name: answer.get(name) for name in ("accepted", "rejected", "test", "failures", "failures_more")},
            "counted": judged.counted,
            "duplicates": kinds.count("duplicate"),
            "conflicts": kinds.count("conflict"),
            "refused": kinds.count("refused"),
            "parked": kinds.count("parked"),
            "findings": [_finding_view(caller, *found) for found in findings[:FINDINGS_SHOWN_MAX]],
            "findings_truncated": len(findings) > FINDINGS_SHOWN_MAX,
            "ends": {str(shard): offset for shard, offset in sorted(push.ends.items())} if caller.is_staff else None,
        }


async def _is_gone(request: Request) -> None:
    """Returns when the client has hung up. What was read of the request before does not come again."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _finding_view(caller: Caller, shard: int, finding: Finding) -> dict[str, Any]:
    first = finding.first
    return {
        "index": finding.index,
        "kind": finding.kind,
        "merchant": shown_merchant(caller, finding.merchant),
        "id": finding.id,
        "day": finding.day,
        "amount_fen": finding.amount_fen,
        "first": None
        if first is None
        else {
            "amount_fen": first.amount_fen,
            "programme": first.programme,
            "page": None if first.page is None else page_id(shard, first.page),
            "row": first.row,
            "at": (EPOCH + timedelta(microseconds=first.at_us)).isoformat(),
        },
        "left_fen": finding.left_fen,
    }
