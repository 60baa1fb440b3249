"""What the bodies here share: nothing unknown in them, remarks with an end."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

REMARK_CHARACTERS_MAX = 300

Remark = Annotated[str, StringConstraints(min_length=1, max_length=REMARK_CHARACTERS_MAX)]


class Body(BaseModel):
    """Base of the bodies here: what is not known is refused, not passed over."""

    model_config = ConfigDict(extra="forbid")
