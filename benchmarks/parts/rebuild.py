"""Every total from nothing: what `panda audit` counts again from pages and journal."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.plan import Plan
from benchmarks.testbed import Testbed
from pandapack.audit.findings import Findings
from pandapack.audit.journal import Journal
from pandapack.audit.ledger import Ledger
from pandapack.audit.reading import Databases, Patience, databases
from pandapack.audit.seals import Roots


def measure(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    """`rebuild_per_s` counts totals, intervals and repeats; `with_seals_per_s` hashes every row for the chain, too."""
    del plan
    with testbed.database("donations") as donations:
        kept, findings = databases(donations.client, ""), Findings()
        rebuild_s = time.perf_counter()
        ledger, journal = _ledger(kept, findings, seals=False), Journal(kept, findings, Patience())
        journal.read_views()
        journal.count()
        journal.compare()
        rebuild_s = time.perf_counter() - rebuild_s
        sealed_s = time.perf_counter()
        sealed = _ledger(kept, findings, seals=True)
        sealed_s = time.perf_counter() - sealed_s
    return {
        "rebuild_per_s": round(ledger.count.donations / rebuild_s),
        "rebuild": {
            "donations": ledger.count.donations,
            "events": journal.events,
            "with_seals_per_s": round(sealed.count.donations / sealed_s),
            "differences": [cause.text for cause in findings.causes()],
        },
    }


def _ledger(kept: Databases, findings: Findings, *, seals: bool) -> Ledger:
    ledger = Ledger(kept, Roots(None), findings, Patience(), seals=seals)
    ledger.read_views()
    ledger.audit({}, None)
    return ledger
