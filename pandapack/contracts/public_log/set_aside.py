"""What the log says of an event that an operator set aside: that it was published, and that nothing of it was applied.

It stands in the event's place, so that its effects may stand behind it. What the event says is not told: whoever has a
copy of it can show by its hash which one it was.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from pandapack.contracts.breakage import Law, breaks
from pandapack.contracts.envelope import Envelope
from pandapack.contracts.public_log.forms import TEXT, Json

EVENT_SET_ASIDE = "reporting.EventSetAside"
BY_OPERATOR = "operator"
"""The one reason so far: a person's word. What they wrote is for the staff alone."""
NO_LAW = "none"
"""It moved no figure: it told of the audit log."""
FIELDS: Json = {
    "event_type": TEXT,
    "reason": {"enum": [BY_OPERATOR]},
    "breaks": {"enum": [*(str(law) for law in Law), NO_LAW]},
}
"""`breaks`: the conservation law of which the log has a figure less."""


def set_aside_body(envelope: Envelope) -> Json:
    """The entry's own fields."""
    return {"event_type": envelope.type, "reason": BY_OPERATOR, "breaks": str(breaks(envelope.type) or NO_LAW)}


def dated(envelope: Envelope, at: datetime) -> Envelope:
    """The event with a time that can be read: its own, or where that is none the log's. It may be why it is here."""
    try:
        datetime.fromisoformat(envelope.time)
    except ValueError:
        return msgspec.structs.replace(envelope, time=at.isoformat())
    return envelope
