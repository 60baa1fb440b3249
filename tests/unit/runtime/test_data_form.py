"""Data of another form is refused, in words, before anything is written."""

from __future__ import annotations

import pytest

from pandapack.runtime.data_form import FORM, NOTE, check_form
from pandapack.runtime.documents import Json, MemoryRows
from pandapack.runtime.errors import Misconfigured


class Database:
    """A database that holds these collections."""

    name = "panda_donations"

    def __init__(self, *filled: str, meanwhile: tuple[MemoryRows, Json] | None = None) -> None:
        self._filled, self._meanwhile = list(filled), meanwhile

    async def filled(self) -> list[str]:
        if self._meanwhile is not None:
            notes, note = self._meanwhile
            await notes.insert(note)
        return self._filled


async def test_an_empty_database_is_noted_and_accepted_again_once_it_is_filled() -> None:
    notes = MemoryRows("data_form")
    await check_form(Database(), notes)
    assert await notes.one(NOTE) == {"_id": NOTE, "form": FORM}
    await check_form(Database("data_form", "pages"), notes)


async def test_data_without_a_note_is_refused_by_name_and_nothing_is_written() -> None:
    notes = MemoryRows("data_form")
    with pytest.raises(
        Misconfigured, match=r"panda_donations has data of an earlier form, in funds, pages; .* form " + str(FORM)
    ):
        await check_form(Database("funds", "pages"), notes)
    assert await notes.one(NOTE) is None


async def test_data_of_another_form_is_refused() -> None:
    notes = MemoryRows("data_form")
    await notes.insert({"_id": NOTE, "form": FORM + 1})
    with pytest.raises(Misconfigured, match=f"has data of form {FORM + 1}"):
        await check_form(Database(), notes)


async def test_a_process_that_starts_beside_the_first_one_is_not_refused() -> None:
    notes = MemoryRows("data_form")
    await check_form(Database("keys", meanwhile=(notes, {"_id": NOTE, "form": FORM})), notes)
