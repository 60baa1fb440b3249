"""The history that reading is measured on is one that could be: schemas fit, laws hold after each entry."""

from __future__ import annotations

import json

import jsonschema_rs

from benchmarks.long_history import PARCELS, LongHistory
from pandapack.contracts.public_log.fold import figures, fold
from pandapack.contracts.public_log.fold.laws import laws
from pandapack.contracts.public_log.schemas import schemas
from tests.unit.contracts.test_public_fold import Account


def test_a_made_history_fits_its_schemas_and_all_laws_hold() -> None:
    known = {type: jsonschema_rs.validator_for(schema) for type, schema in schemas().items()}
    account, times = Account(), []
    for at, entry in LongHistory(rounds=23, days=7).entries():
        told = fold.read(entry)
        known[told["type"]].validate(json.loads(entry))
        account.add(told)
        times.append(at)
        assert all(law.holds for law in laws(account.books)), told
    assert times == sorted(times)
    totals = figures.totals(account.books)
    assert (totals["rounds"], totals["parcels"]["packed"], totals["countries"]) == (23, 23 * PARCELS, 11)
    assert len(account.rounds) == 23 and all(one.closed_at for one in account.rounds.values())
