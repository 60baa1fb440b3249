"""How settlements, statements and their differences are shown."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np

from pandapack.contracts.donations import day_name, day_number
from services.donations.ledger.store.pages import Pages
from services.donations.settlements.domain.reconciliation import Difference
from services.donations.settlements.domain.settlement import Kind, Settlement, Sides, Statement, Tally
from services.donations.settlements.store import DIFFERENCES_A_PAGE, PAST_PAGE, BankedPage, Settlements

MerchantOf = Callable[[str], str]
"""A merchant of the ledger as who asks names it."""


def shown_settlement(state: Settlement) -> dict[str, Any]:
    """A settlement with its statements, newest last."""
    received = state.received
    assert received is not None and state.at is not None, "a settlement is received in its first write"
    return {
        "settlement": state.settlement,
        "platform": state.owner,
        **received.terms.model_dump(mode="json"),
        "status": state.status.value,
        "at": state.at.isoformat(),
        "cut_off": state.cut_off.isoformat(),
        "days": state.days,
        "settled": _tally(received.total),
        "banked": _tally(_sum(state.banked)),
        "statements": [_shown_statement(statement, received.total) for statement in state.statements],
    }


def _shown_statement(statement: Statement, settled: Tally) -> dict[str, Any]:
    """`unreconciled_fen`: by how much the settlement pays more than what is banked of it, whatever the reason."""
    ledger, banked = statement.ledger, _sum(statement.banked)
    return {
        "statement": statement.number,
        "at": statement.at.isoformat(),
        "cut_off": statement.cut_off.isoformat(),
        "balanced": statement.is_balanced(),
        "settled_fen": settled.fen,
        "gross_fen": ledger.ledger.fen + ledger.reversed_fen,
        "reversed_fen": ledger.reversed_fen,
        "net_fen": ledger.ledger.fen,
        "unreconciled_fen": settled.fen - banked.fen,
        **{kind.value: _sides(statement.kinds.get(kind, Sides())) for kind in Kind},
        "banked": _tally(banked),
        "banked_by_day": {day: _tally(tally) for day, tally in sorted(statement.banked.items())},
    }


def shown_difference(difference: Difference, merchant_of: MerchantOf) -> dict[str, Any]:
    """One donation, or one merchant's day."""
    shown = {"merchant": merchant_of(difference.merchant), "day": difference.day, **_sides(difference.sides)}
    if difference.why is not None:
        shown["why"] = difference.why.value
    return shown if difference.id is None else {**shown, "id": difference.id}


async def banked_rows(
    settlements: Settlements, pages: Pages, settlement: str, after: str, merchant_of: MerchantOf
) -> dict[str, Any]:
    """The donations that a settlement has banked, a page at a time. `after`: ledger page and row shown last."""
    page, _, row = after.rpartition("/")
    banked = await settlements.next_banked(settlement, page)
    rows = [] if banked is None else _rows_behind(banked, settlement, int(row) if page == banked.id else -1)
    if banked is not None and not rows:
        banked = await settlements.next_banked(settlement, banked.id + PAST_PAGE)
        rows = [] if banked is None else _rows_behind(banked, settlement, -1)
    if banked is None:
        return {"items": [], "next": None}
    here = rows[:DIFFERENCES_A_PAGE]
    shard, number = banked.page_key
    found = await pages.one(shard, number)
    assert found is not None, "what is banked is on a page, and pages stay"
    donations = found.columns.take(np.array(here, dtype=np.intp)).rows()
    is_more = len(rows) > len(here) or await settlements.next_banked(settlement, banked.id + PAST_PAGE) is not None
    deducted = banked.deducted[settlement]
    items = [
        {
            "merchant": merchant_of(one.merchant),
            "day": day_name(day_number(one.at_us)),
            "id": one.id,
            "amount_fen": one.amount_fen,
            "reversed_fen": deducted.get(row, 0),
            "banked_fen": one.amount_fen - deducted.get(row, 0),
        }
        for row, one in zip(here, donations, strict=True)
    ]
    return {"items": items, "next": f"{banked.id}/{here[-1]}" if is_more else None}


def _rows_behind(banked: BankedPage, settlement: str, row: int) -> list[int]:
    rows: list[int] = np.flatnonzero(banked.by[settlement]).tolist()
    return rows[bisect_right(rows, row) :]


def _sides(sides: Sides) -> dict[str, Any]:
    return {
        "settlement": _tally(sides.settlement),
        "ledger": _tally(sides.ledger),
        "reversed_fen": sides.reversed_fen,
    }


def _tally(tally: Tally) -> dict[str, int]:
    return {"count": tally.count, "fen": tally.fen}


def _sum(days: dict[str, Tally]) -> Tally:
    return sum(days.values(), start=Tally())
