"""The door's marks: what comes through it is marked, and the ledger believes nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pandapack.contracts.door_mark import DoorKeys
from pandapack.runtime.errors import Misconfigured


class DoorMarks:
    """Marks records and knows marked ones, by keys that are read at the start: `text` itself, or the file with them."""

    def __init__(self, text: str, file: Path | None) -> None:
        self._text, self._file = text, file
        self._loaded: DoorKeys | None = None

    async def start(self) -> None:
        """Reads the keys. Raises Misconfigured."""
        try:
            text = self._text or (self._file.read_text() if self._file else "")
            if not text:
                raise Misconfigured(
                    "neither PANDA_DOOR_KEYS nor PANDA_DOOR_KEYS_FILE is set: what comes through the door is marked. "
                    "`panda up` makes one for the embedded stack, `make secrets` for containers"
                )
            self._loaded = DoorKeys.read(text)
        except (OSError, ValueError) as error:
            raise Misconfigured(
                f"the door's keys are no JSON list of {{id, secret}}, 32 bytes in hex: {error}"
            ) from error

    async def stop(self) -> None:
        """There is nothing to end."""

    def mark(self, shard: int, headers: Sequence[tuple[str, bytes]], value: bytes) -> list[tuple[str, bytes]]:
        """The headers of a marked record."""
        return self._keys.mark(shard, headers, value)

    def is_marked(self, shard: int, headers: Sequence[tuple[str, bytes]], value: bytes | None) -> bool:
        """Whether the door marked this record for this shard."""
        return self._keys.is_marked(shard, headers, value or b"")

    @property
    def _keys(self) -> DoorKeys:
        assert self._loaded is not None, "keys are read before anything comes through the door"
        return self._loaded
