"""What several events change is read together and written a document at a time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pandapack.runtime.documents import Document, MemoryDocuments
from pandapack.runtime.reactions import DOCUMENTS_A_READ_MAX, Reaction, apply
from pandapack.runtime.store import CannotApply, EventPosition
from tests.suites.store import put, shut, store_of


class CountedTrips(MemoryDocuments):
    """Counts reads of one document and of several."""

    def __init__(self) -> None:
        super().__init__("boxes")
        self.single, self.together = 0, 0

    async def read(self, id: str) -> Document | None:
        self.single += 1
        return await super().read(id)

    async def read_all(self, ids: Sequence[str]) -> dict[str, Document]:
        self.together += 1
        return await super().read_all(ids)


async def test_the_documents_of_a_batch_are_read_in_few_trips_whether_they_are_there_or_not() -> None:
    documents = CountedTrips()
    store = store_of(documents)
    ids = [f"{n:04d}" for n in range(DOCUMENTS_A_READ_MAX + 1)]
    for n in (1, 2):
        await apply([Reaction(store, id, EventPosition("/other", n), put(str(n))) for id in ids])
    assert (documents.single, documents.together) == (2, 2)  # the last of each batch stands alone
    assert {box.things for _, box in await store.find({})} == {("1", "2")}


async def test_one_that_cannot_be_applied_is_raised_once_every_other_has_ended() -> None:
    store = store_of(MemoryDocuments("boxes"))
    await store.apply("0000", [(EventPosition("/other", 1), shut)])
    ids = [f"{n:04d}" for n in range(2 * DOCUMENTS_A_READ_MAX)]
    with pytest.raises(CannotApply):
        await apply([Reaction(store, id, EventPosition("/other", 2), put("late")) for id in ids])
    assert sum(box.things == ("late",) for _, box in await store.find({})) == len(ids) - 1
