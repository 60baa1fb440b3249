"""What "What pupils said" shows of a reading: shares with their intervals, complaints, and whom evaluators asked."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pandapack.contracts.logistics import ComplaintKind, Indicator
from pandapack.contracts.public_log.fold.costs import per_mille
from pandapack.contracts.public_log.fold.surveys import method_of
from services.reporting.work.readings import Reading

Json = dict[str, Any]


def shown_survey(reading: Reading) -> Json:
    """`indicators` and `complaints` in their own order, as their tables have them of all countries, and `method`.

    An indicator has `countries` beside its row: in how many it was asked, hidden ones too. `response_per_mille`:
    interviewed of the sample, where that is known.
    """
    answers = reading.indicators.values["items"]
    countries = Counter(row["indicator"] for row in answers if row["country"] is not None)
    whole = {row["indicator"]: row for row in answers if row["country"] is None}
    kinds = {row["kind"]: row for row in reading.complaints.values["items"]}
    method = method_of(reading.snapshot.books)
    asked, interviewed = method["survey_sample_pupils"], method["survey_interviewed"]
    return {
        "indicators": [{**whole[one], "countries": countries[one]} for one in Indicator if one in whole],
        "complaints": [kinds[one] for one in ComplaintKind if one in kinds],
        "all_complaints": kinds.get(None),
        "method": method,
        "response_per_mille": per_mille(interviewed, asked) if asked else None,
    }
