"""Commands that were refused are logged with who sent them; the audit log has those alone that were accepted.

Whoever floods a service with refusals fills no disk: so many are logged a second, and how many were not stands in the
next line. All are counted by code (`telemetry.REFUSALS`).
"""

from __future__ import annotations

import structlog

from pandapack.contracts.acts import COMMAND_CHARACTERS_MAX
from pandapack.contracts.causation import Actor
from pandapack.runtime.clock import monotonic_s

LOGGED_PER_S_MAX = 20
"""More than a day of honest mistakes makes in a minute; of 300 bytes they are 500 MB a day at the worst."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

log = structlog.get_logger(__name__)


class RefusalLog:
    """Of one process."""

    def __init__(self) -> None:
        self._second, self._logged, self._skipped = 0, 0, 0

    def tell(self, *, method: str, command: str, status: int, code: str, actor: Actor, request_id: str) -> None:
        """A command is refused. `status`: a crash of ours (500) is logged elsewhere."""
        if method in SAFE_METHODS or not 400 <= status < 500:
            return
        second = int(monotonic_s())
        if second != self._second:
            self._second, self._logged = second, 0
        if self._logged >= LOGGED_PER_S_MAX:
            self._skipped += 1
            return
        self._logged += 1
        skipped, self._skipped = self._skipped, 0
        log.info(
            "command_refused",
            command=command[:COMMAND_CHARACTERS_MAX],
            code=code,
            status=status,
            actor=actor.name,
            role=actor.role,
            key=actor.key,
            request_id=request_id,
            not_logged_before=skipped,
        )


REFUSED_COMMANDS = RefusalLog()
