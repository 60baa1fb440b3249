"""When everything has come to its end: all donations counted, all that could be funded handed over, all of it shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.api_client import ApiClient, Json, ask_until
from simulator.donations import PROGRAMME

ASK_EVERY_S = 0.3
READINGS = 2
"""So often one after the other everything must be found settled."""
OPEN_STATES = ("warehouse", "in_transit")


@dataclass(frozen=True, slots=True)
class StorySums:
    """What was pushed in all: gifts, repeats of them, and fen taken back."""

    donations: int
    repeated: int
    reversed_fen: int


def open_end(fund: Json, totals: Json, log: Json, settling: bool, pushed: StorySums) -> str | None:
    """What is not at its end yet, in a word; None: all is. Fund and totals may be of slightly different moments.

    `log`: of reporting's pipeline, read before the totals. `settling`: whether a settlement waits for its statement.
    """
    parcels = totals["parcels"]
    next_round = fund["next_round"]
    ends: tuple[tuple[str, bool], ...] = (
        ("counting", totals["donations"] >= pushed.donations and totals["duplicates"] >= pushed.repeated),
        ("reversing", totals["reversed_fen"] >= pushed.reversed_fen),
        ("banking", not settling),
        ("crediting", totals["in_flight_fen"] == 0 and fund["applied_fen"] == totals["received_fen"]),
        ("funding", next_round is None or not next_round["affordable"]),
        ("delivering", not fund["open_rounds"]),
        ("reporting money", _same_money(fund, totals)),
        ("reporting parcels", parcels["packed"] > 0 or not fund["rounds"]),
        ("reporting parcels", not any(parcels[state] for state in OPEN_STATES)),
        ("reporting", totals["behind_s"] == 0),
        ("logging", _is_whole(totals["snapshot"], log)),
    )
    return next((name for name, is_over in ends if not is_over), None)


def _is_whole(snapshot: Json, log: Json) -> bool:
    """Whether the snapshot has all that has come: nothing waits for the public log, and nothing runs ahead of it."""
    is_logged = log["waiting_partitions"] == 0 and log["unread_records"] == 0
    return is_logged and snapshot["size"] >= log["size"] and not any(snapshot["ahead"].values())


def _same_money(fund: Json, totals: Json) -> bool:
    is_free = totals["reserved_fen"] == 0 and totals["committed_fen"] == 0
    pairs = (("spent_fen", "spent_fen"), ("unallocated_fen", "unallocated_fen"), ("rounds", "rounds"))
    return is_free and all(fund[ours] == totals[theirs] for ours, theirs in pairs)


class Settling:
    """Watches for the end. `waits_for` is what is not at its end yet."""

    def __init__(self, api: ApiClient, pushed: StorySums, settlements: Sequence[str]) -> None:
        self._api, self._pushed, self._unsettled = api, pushed, list(settlements)
        self.waits_for = "delivering"

    async def delivered(self) -> None:
        """Waits until all rounds are over, and reporting shows it."""
        await ask_until(self._is_delivered, ASK_EVERY_S)

    async def wait(self) -> Json:
        """The totals, once all is settled."""
        found, complete_to = 0, None
        while True:
            is_settling = await self._is_settling()
            fund = await self._fund()
            log = (await self._api.get("reporting", "auditor", "/v1/pipeline"))["log"]
            totals = await self._api.get("reporting", "auditor", "/v1/totals")
            end = open_end(fund, totals, log, is_settling, self._pushed)
            # A later reading counts where the log was looked at again: only that tells that nothing is on its way.
            if end is not None:
                found, complete_to = 0, None
            elif totals["complete_to"] != complete_to:
                found, complete_to = found + 1, totals["complete_to"]
            if found == READINGS:
                return totals
            self.waits_for = end or "settled"
            await asyncio.sleep(ASK_EVERY_S)

    async def _is_delivered(self) -> bool:
        return not (await self._fund())["open_rounds"]

    async def _fund(self) -> Json:
        return await self._api.get("procurement", "auditor", f"/v1/funds/{PROGRAMME}")

    async def _is_settling(self) -> bool:
        """Whether a settlement still waits for its statement; those that have theirs are not asked for again."""
        for name in tuple(self._unsettled):
            found = await self._api.get("donations", "platform", f"/v1/settlements/{name}")
            if found["status"] != "reconciled":
                return True
            self._unsettled.remove(name)
        return False
