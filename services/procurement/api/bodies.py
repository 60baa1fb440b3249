"""What the bodies here share: nothing unknown in them, remarks with an end."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

REMARK_CHARACTERS_MAX = 300

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
"""No control characters: JSON writes each in six bytes, and nobody reads them."""

Remark = Annotated[str, StringConstraints(min_length=1, max_length=REMARK_CHARACTERS_MAX, pattern=PRINTABLE)]


class Body(BaseModel):
    """Base of the bodies here: what is not known is refused, not passed over."""

    model_config = ConfigDict(extra="forbid")
