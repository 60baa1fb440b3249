"""The form of what a service keeps, noted at its first start; data of another form is refused, in words.

Nothing reads data of an earlier form: field names in documents, pages and events are the storage format. A release that
changes them changes `FORM`.
"""

from __future__ import annotations

from typing import Protocol

from pandapack.runtime.documents import Rows
from pandapack.runtime.errors import Misconfigured

FORM = 5
NOTE = "form"


class Database(Protocol):
    """As much of a database as the check needs."""

    @property
    def name(self) -> str:
        """The database's name."""
        ...

    async def filled(self) -> list[str]:
        """The collections that hold anything, sorted."""
        ...


async def check_form(database: Database, notes: Rows) -> None:
    """Notes the form in an empty database. Raises Misconfigured where there is data of another form."""
    noted = await notes.one(NOTE)
    if noted is None:
        filled = [name for name in await database.filled() if name != notes.name]
        noted = await notes.one(NOTE)  # another process of this release may have begun meanwhile
        if noted is None and not filled:
            await notes.insert({"_id": NOTE, "form": FORM})
            return
        if noted is None:
            raise _refused(database, f"has data of an earlier form, in {', '.join(filled)}")
    if noted["form"] != FORM:
        raise _refused(database, f"has data of form {noted['form']}")


def _refused(database: Database, what: str) -> Misconfigured:
    return Misconfigured(
        f"the database {database.name} {what}; this release reads and writes form {FORM} only. Start with empty "
        "databases and topics (the embedded stack: another folder, or one without .panda/), or go on with the release "
        "that wrote it"
    )
