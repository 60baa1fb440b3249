"""What somebody with a key did where no event of its own tells of it: a key made, a partition tried again, a log-in.

Who did it, by which request and why stands in the envelope (`contracts.causation`). Sources: the document that was
changed, or `/SERVICE/operations/DAY-PROCESS` for what has none.
"""

from __future__ import annotations

from typing import ClassVar

from pandapack.contracts.envelope import Event

COMMAND_CHARACTERS_MAX = 100
"""A method and a route: the longest has 80."""
SUBJECT_CHARACTERS_MAX = 300
"""A path to what was acted on; a merchant's name in it has up to 130."""


class Acted(Event):
    """`command`: the method and the route of the request, as `POST /v1/keys`. `subject`: what it was about, a path."""

    command: str
    subject: str


class DonationsActed(Acted):
    """Somebody acted in donations, and no other event tells of it."""

    TYPE: ClassVar[str] = "donations.OperatorActed"


class ProcurementActed(Acted):
    """Somebody acted in procurement, and no other event tells of it."""

    TYPE: ClassVar[str] = "procurement.OperatorActed"


class LogisticsActed(Acted):
    """Somebody acted in logistics, and no other event tells of it."""

    TYPE: ClassVar[str] = "logistics.OperatorActed"


class ReportingActed(Acted):
    """Somebody acted in reporting, and no other event tells of it."""

    TYPE: ClassVar[str] = "reporting.OperatorActed"


ACTS: dict[str, type[Acted]] = {
    kind.TYPE.partition(".")[0]: kind for kind in (DonationsActed, ProcurementActed, LogisticsActed, ReportingActed)
}
"""Service → its event."""


def acted(source: str, command: str, subject: str = "") -> Acted:
    """The event of a document of some service. `subject`: "" is the document itself."""
    kind = ACTS[source.split("/")[1]]
    return kind(command=command[:COMMAND_CHARACTERS_MAX], subject=(subject or source)[:SUBJECT_CHARACTERS_MAX])
