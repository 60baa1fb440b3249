"""What the bodies here share: nothing unknown in them, remarks and names with an end, times in UTC and of this age."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from pandapack.contracts.donations import Moment
from pandapack.contracts.logistics import DAMAGE_REASONS, HOLD_REASONS, LOSS_REASONS, REFUSAL_REASONS
from pandapack.contracts.times import within_range

TEXT_CHARACTERS_MAX = 300
"""A sentence or two: all of it is kept in the consignment, whose size is bounded."""
OFFICE_CHARACTERS_MAX = 100
"""A name, twice a proof, and there are up to `REPORTS_MAX` of them in a document."""
COST_FEN_MAX = 1_000_000_000_000
"""Ten billion yuan: no round costs that. It keeps numbers below 2⁵³; what an order allows is less, and bounds them."""


def _in_utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_KNOWN_REASONS = ", ".join((*HOLD_REASONS, *DAMAGE_REASONS, *LOSS_REASONS, *REFUSAL_REASONS))
Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=TEXT_CHARACTERS_MAX, pattern=PRINTABLE),
    Field(
        description=f"One of {_KNOWN_REASONS}: these stand on the public page in both languages. "
        "Or a remark, which stands there as another reason."
    ),
]
"""What stands in public beside a stop at customs, a loss or a rejection."""
Office = Annotated[str, StringConstraints(min_length=1, max_length=OFFICE_CHARACTERS_MAX, pattern=PRINTABLE)]
"""Who gave or received: a company or an office, never a pupil."""
At = Annotated[Moment, AfterValidator(within_range), AfterValidator(_in_utc)]
"""Business time of a report: RFC 3339 with a zone comes in, UTC is kept."""


class Body(BaseModel):
    """Base of the bodies here: what is not known is refused, not passed over."""

    model_config = ConfigDict(extra="forbid")
