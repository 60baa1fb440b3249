"""What `/data` shows: each table with its columns and files, and three questions that they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.reporting.domain.data_tables import LICENCE, TABLES, Format


@dataclass(frozen=True, slots=True)
class Question:
    """`title`: the key of its text; `sql`: for DuckDB, over files that lie in the folder."""

    title: str
    sql: str


QUESTIONS = (
    Question(
        "question_price",
        """SELECT country, round(spent_fen / 100.0 / nullif(parcels_accepted, 0), 2) AS yuan_a_parcel
FROM 'country.csv'
ORDER BY country;""",
    ),
    Question(
        "question_banked",
        """SELECT strftime(day, '%Y-%m') AS month, sum(fen) / 100.0 AS given_yuan,
    sum(banked_fen) / 100.0 AS banked_yuan, round(100.0 * sum(banked_fen) / nullif(sum(fen), 0), 1) AS percent
FROM 'day.parquet'
GROUP BY month
ORDER BY month;""",
    ),
    Question(
        "question_lost",
        """SELECT round, country, parcels_packed, parcels_lost + parcels_damaged AS gone
FROM 'round.csv'
WHERE gone > 0
ORDER BY gone DESC, round
LIMIT 10;""",
    ),
)


def page_values() -> Mapping[str, Any]:
    """For the template."""
    return {"tables": TABLES.values(), "file_formats": tuple(Format), "questions": QUESTIONS, "licence": LICENCE}
