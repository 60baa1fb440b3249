"""What each problem's code means and how to mend it, in English and Chinese: `problems.json`, a line a code."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

FILE = Path(__file__).with_name("problems.json")
ADDRESS = "/problems/"
"""Before a code: where its `type` leads. Relative, so that it leads to the service that answered."""


class Text(msgspec.Struct, frozen=True):
    """The same in English and Chinese."""

    en: str
    zh: str

    def as_json(self) -> dict[str, str]:
        """As failures and problems carry it."""
        return {"en": self.en, "zh": self.zh}


class ProblemType(msgspec.Struct, frozen=True):
    """A code: the HTTP statuses that it comes with (none: it names a line among `failures`), and what to do."""

    status: tuple[int, ...]
    meaning: Text
    mend: Text


@cache
def problem_types() -> dict[str, ProblemType]:
    """Every code that is described, in order."""
    return msgspec.json.decode(FILE.read_bytes(), type=dict[str, ProblemType])


def message_of(code: str, detail: str) -> dict[str, str]:
    """A problem's `message`: its detail in English; in Chinese what its code means and how to mend it.

    Numbers and names stand in the detail; a code that is not described has the detail in both.
    """
    known = problem_types().get(code)
    return {"en": detail, "zh": f"{known.meaning.zh}{known.mend.zh}" if known else detail}
