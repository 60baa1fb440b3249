"""The sums of what surveys found, for each programme: a part of the books."""

from __future__ import annotations

import msgspec


class AnswerSums(msgspec.Struct, forbid_unknown_fields=True):
    """Answers to an indicator in a country, or in all, of the `surveys` that show them; `interviewed` in those.

    `hidden`: surveys that asked, and show no figure of their own. `unknown`: of `surveys`, those that do not show how
    many were interviewed.
    """

    numerator: int = 0
    denominator: int = 0
    interviewed: int = 0
    surveys: int = 0
    hidden: int = 0
    unknown: int = 0


class ComplaintSums(msgspec.Struct, forbid_unknown_fields=True):
    """Complaints of a kind, or of all, of the `surveys` that show them; `untold`: of those, who do not say what became
    of them."""

    received: int = 0
    resolved: int = 0
    surveys: int = 0
    hidden: int = 0
    untold: int = 0


class SurveyBooks(msgspec.Struct, forbid_unknown_fields=True):
    """All surveys of a programme. Pupils and schools of frames and samples, as far as they are shown.

    `answers`: indicator → country, or "" for all. `complaints`: kind, or "" for all.
    """

    surveys: int = 0
    frame_schools: int = 0
    sample_schools: int = 0
    frame_pupils: int = 0
    sample_pupils: int = 0
    interviewed: int = 0
    answers: dict[str, dict[str, AnswerSums]] = {}
    complaints: dict[str, ComplaintSums] = {}


class ClosedSums(msgspec.Struct, forbid_unknown_fields=True):
    """Closed rounds of a specification: how many, their parcels, those of them that schools accepted, fen spent."""

    rounds: int = 0
    packed: int = 0
    accepted: int = 0
    spent: int = 0
