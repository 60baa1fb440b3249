"""What operators send about dead letters."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pandapack.contracts.causation import REASON_CHARACTERS_MAX
from pandapack.contracts.donations import PlatformName
from pandapack.decision import Refusal, RefusalKind, Refused
from services.donations.dead_letters.domain.groups import GROUP_DIGITS, UNVOUCHED
from services.donations.dead_letters.domain.jobs import Selection

LETTERS_NAMED_MAX = 500
"""More than a person names: a group, or a filter, has any number."""
LINE_BYTES_MAX = 65_536
ADDRESS_CHARACTERS_MAX = 200
CAUSE_CHARACTERS_MAX = 64
RATE_MAX = 100_000
"""Rows a second: what the door does at its best."""
CAP_MAX = 100_000_000

Address = Annotated[str, StringConstraints(min_length=1, max_length=ADDRESS_CHARACTERS_MAX)]
Edited = Annotated[str, StringConstraints(min_length=1, max_length=LINE_BYTES_MAX)]
GroupName = Annotated[str, StringConstraints(pattern=rf"^[0-9a-f]{{{GROUP_DIGITS}}}$")]
Cause = Annotated[str, StringConstraints(min_length=1, max_length=CAUSE_CHARACTERS_MAX)]
Reason = Annotated[str, StringConstraints(max_length=REASON_CHARACTERS_MAX, strip_whitespace=True)]


class SelectionBody(BaseModel):
    """Which letters: some by address; or all open ones of a group, a cause, a sender, or of what fits several of these.

    `sender`: a platform, or `unvouched`: those of which nobody vouches whose they are.
    """

    model_config = ConfigDict(extra="forbid")

    addresses: Annotated[tuple[Address, ...], Field(max_length=LETTERS_NAMED_MAX)] = ()
    group: GroupName | None = None
    cause: Cause | None = None
    sender: PlatformName | None = None

    @property
    def selection(self) -> Selection:
        """The selection. Raises Refused where it names nothing, or letters and a filter at once."""
        filters = [self.group, self.cause, self.sender]
        if bool(self.addresses) == any(filters):
            detail = (
                f"name addresses; or a group, a cause or a sender ({UNVOUCHED} is one): nothing, or both, is neither"
            )
            raise Refused(Refusal("selection_unclear", detail, RefusalKind.INVALID))
        addresses = tuple(dict.fromkeys(self.addresses))
        return Selection(addresses=addresses, group=self.group or "", cause=self.cause or "", sender=self.sender or "")


class PreviewBody(SelectionBody):
    """Letters to look ahead for, as they are or (address → text) edited.

    `platform`: under which those would go of which nobody vouches whose they are, such as unmarked records.
    """

    edited: Annotated[dict[Address, Edited], Field(max_length=LETTERS_NAMED_MAX)] = {}
    platform: PlatformName | None = None


class ReplayBody(PreviewBody):
    """Which dead letters to send again, and why; with `dry_run` nothing is sent, and no reason needed.

    Letters that are named are sent before the answer comes; others behind it, `rate_rows_per_s` at most, and no more
    than `cap_rows` altogether.
    """

    reason: Reason = ""
    rate_rows_per_s: Annotated[int, Field(ge=1, le=RATE_MAX)] | None = None
    cap_rows: Annotated[int, Field(ge=1, le=CAP_MAX)] | None = None
    dry_run: bool = False


class DiscardBody(SelectionBody):
    """Which dead letters to give up, and why; with `take_back` those that were given up are open again."""

    reason: Reason = ""
    take_back: bool = False


class StopBody(BaseModel):
    """Why a replay is stopped."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""


def required(reason: str) -> str:
    """The reason. Raises Refused where there is none."""
    if not reason:
        detail = "say in `reason` why: the event that tells of it has it, and whoever looks later reads it there"
        raise Refused(Refusal("reason_missing", detail, RefusalKind.INVALID))
    return reason
