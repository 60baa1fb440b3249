"""A good row, to be looked at beside one that is wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pandapack.contracts.donations import EPOCH, SCOPE_MARK, unscoped
from services.donations.dead_letters.domain.dead_letters import DeadLetter
from services.donations.ledger.store.pages import Pages

DOCUMENTED = {
    False: {
        "id": "order-1",
        "merchant": "M00001",
        "programme": "love-parcel",
        "amount_fen": 5,
        "at": "2021-11-11T00:00:01+08:00",
    },
    True: {
        "reversal": "refund-1",
        "merchant": "M00001",
        "donation": "order-1",
        "day": "2021-11-11",
        "amount_fen": 5,
        "at": "2021-11-12T00:00:01+08:00",
    },
}
"""Whether reversals → the row that the documentation shows."""


@dataclass(frozen=True, slots=True)
class GoodRow:
    """A row that was taken, or would be. `is_senders`: it is the sender's last one that a page has; else an example."""

    text: str
    is_senders: bool


class GoodRows:
    """Finds good rows on the last pages of the shards."""

    def __init__(self, pages: Pages, shards: int) -> None:
        self._pages, self._shards = pages, shards

    async def good_row_for(self, dead_letter: DeadLetter) -> GoodRow:
        """The sender's last gift on a shard's last page, as it would push it; where there is none, an example."""
        if dead_letter.platform and not dead_letter.is_reversal:
            for shard in range(self._shards):
                for row in await self._pages.last_rows(shard, f"{dead_letter.platform}{SCOPE_MARK}", 1):
                    at = (EPOCH + timedelta(microseconds=row.at_us)).astimezone(UTC)
                    return GoodRow(_line(row.id, unscoped(row.merchant)[1], row.programme, row.amount_fen, at), True)
        return GoodRow(json.dumps(DOCUMENTED[dead_letter.is_reversal]), False)


def _line(id: str, merchant: str, programme: str, amount_fen: int, at: datetime) -> str:
    fields = {"id": id, "merchant": merchant, "programme": programme, "amount_fen": amount_fen, "at": at.isoformat()}
    return json.dumps(fields, ensure_ascii=False)
