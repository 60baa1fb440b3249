"""Receipts: what a donation's ledger and the public log say together, or what is still to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from pandapack.contracts.proof import Donation
from pandapack.contracts.receipts import PageProof


class Stage(StrEnum):
    """How far a donation has come on its way into the log, where it is not provable yet."""

    PAGE_OPEN = "page_open"
    PAGE_CLOSED = "page_closed"
    NOT_LOGGED = "page_sealed"
    NOT_SIGNED = "page_logged"


@dataclass(frozen=True, slots=True)
class LedgerProof:
    """What the ledger answers of a donation: on which page it lies, and its proof once the page is sealed.

    `opened_on`: the day (Asia/Shanghai) on which the page was opened, where that is not sealed.
    """

    donation: Donation
    shard: int
    page: int
    row: int
    stage: Stage | None
    proof: PageProof | None = None
    opened_on: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A donation that is recorded, and not provable yet."""

    known: LedgerProof
    stage: Stage


class _Page(msgspec.Struct, frozen=True):
    shard: int
    page: int
    row: int


class _Answer(msgspec.Struct, frozen=True):
    state: str
    donation: Donation
    page: dict[str, Any]
    opened_on: str = ""


def ledger_proof(answer: Mapping[str, Any]) -> LedgerProof:
    """The ledger's answer. Raises msgspec.ValidationError for one that says something else."""
    read = msgspec.convert(answer, _Answer)
    place = msgspec.convert(read.page, _Page)
    stages = {stage.value: stage for stage in (Stage.PAGE_OPEN, Stage.PAGE_CLOSED)}
    stage = stages.get(read.state)
    proof = msgspec.convert(read.page, PageProof) if stage is None else None
    return LedgerProof(read.donation, place.shard, place.page, place.row, stage, proof, read.opened_on)
