"""A programme as the door knows it: that it was published, and what it is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pandapack.contracts.envelope import Part
from pandapack.contracts.procurement import ProgrammePublished
from pandapack.contracts.publication import LocalizedName
from pandapack.contracts.strict_json import did_you_mean, nearest
from pandapack.decision import Decision, Refusal, RefusalKind
from services.donations.validation.domain.failures import Failure

PROGRAMME_UNKNOWN = "programme_unknown"
NEAREST_MAX = 3
_WHERE = "GET /v1/programmes lists what can be paid into, and one that was published just now comes within seconds"
_WHERE_ZH = "GET /v1/programmes 列出可捐的项目；刚发布的项目几秒后可用"


class Programme(Part):
    """A programme. `publication`: the newest one that is known here, from 1; 0 before the first."""

    programme: str
    publication: int = 0
    name: LocalizedName | None = None


def follow(state: Programme, event: ProgrammePublished) -> Decision[Programme]:
    """It was published: once more, perhaps, or an earlier publication comes late."""
    if event.publication <= state.publication:
        return Decision(state)
    return Decision(state.model_copy(update={"publication": event.publication, "name": event.name}))


@dataclass(frozen=True, slots=True)
class UnknownProgramme:
    """A name under which nothing was published, and those known ones that may have been meant."""

    name: str
    near: tuple[str, ...] = ()

    @staticmethod
    def of(name: str, known: Sequence[str]) -> UnknownProgramme:
        """With the nearest of the known names."""
        return UnknownProgramme(name, nearest(name, tuple(dict.fromkeys(known)), NEAREST_MAX))

    @property
    def en(self) -> str:
        return f"there is no programme {self.name}{did_you_mean(self.near)[0] or ':'} {_WHERE}"

    @property
    def zh(self) -> str:
        return f"没有项目 {self.name}{did_you_mean(self.near)[1] or ':'} {_WHERE_ZH}"

    def failure(self, index: int) -> Failure:
        """Why a line is refused that pays into it."""
        return Failure(index, "/programme", PROGRAMME_UNKNOWN, self.en, self.zh)

    def refusal(self) -> Refusal:
        """Why all that names it is refused."""
        message = {"en": self.en, "zh": self.zh}
        return Refusal(PROGRAMME_UNKNOWN, self.en, RefusalKind.INVALID, extra={"near": self.near, "message": message})
