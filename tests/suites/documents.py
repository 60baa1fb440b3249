"""What every `Documents` does (pandapack/runtime/documents.py)."""

from __future__ import annotations

from typing import Any

from pandapack.contracts.outbox import OutboxEvent
from pandapack.runtime.documents import CommandAnswer, Documents, Update


def update(*sequences: int, **state: Any) -> Update:
    """An update that publishes events with these sequence numbers."""
    return Update(
        inbox={"/a.topic/0": 7},
        state=state,
        sequence=max(sequences, default=0),
        outbox=tuple(OutboxEvent(number, b"event %d" % number) for number in sequences),
        answers=(CommandAnswer("key", "digest", {"answer": [1, None]}),),
    )


async def outbox_of(documents: Documents, id: str) -> list[int]:
    """The sequence numbers of what a document has not published yet."""
    document = await documents.read(id)
    assert document is not None
    return [event.sequence for event in document.outbox]


class DocumentsSuite:
    """Give it a fixture `documents`: an empty collection in which `state.status` may be searched.

    What waits in `state.queue.early` may be counted.
    """

    async def test_a_document_comes_back_as_it_was_written(self, documents: Documents) -> None:
        assert await documents.read("a") is None
        written = update(1, 2, status="open", deep={"a.b": [1, {"c": None}]})
        assert await documents.write("a", 0, written) is True
        document = await documents.read("a")
        assert document is not None
        assert (document.id, document.version) == ("a", 1)
        assert (dict(document.inbox), document.state) == (dict(written.inbox), written.state)
        assert (document.sequence, document.outbox, document.answers) == (2, written.outbox, written.answers)

    async def test_some_are_read_together_as_each_is_and_what_is_not_there_is_missing(
        self, documents: Documents
    ) -> None:
        ids = [f"{n:04d}" for n in range(300)]
        for id in ids:
            await documents.write(id, 0, update(1, status=id))
        found = await documents.read_all([*ids, "nowhere"])
        assert sorted(found) == ids
        assert found["0007"] == await documents.read("0007")
        assert await documents.read_all([]) == {}

    async def test_of_two_that_write_one_version_the_first_is_taken(self, documents: Documents) -> None:
        assert await documents.write("a", 0, update(status="first")) is True
        assert await documents.write("a", 0, update(status="second")) is False
        assert await documents.write("a", 1, update(status="third")) is True
        assert await documents.write("a", 1, update(status="fourth")) is False
        assert await documents.write("b", 1, update(status="nowhere")) is False
        document = await documents.read("a")
        assert document is not None
        assert (document.version, document.state) == (2, {"status": "third"})
        assert await documents.read("b") is None

    async def test_a_write_appends_to_the_outbox_and_replaces_the_rest(self, documents: Documents) -> None:
        await documents.write("a", 0, update(1, status="open", gone=True))
        later = Update(inbox={"/b": 1}, state={"status": "shut"}, sequence=2, outbox=update(2).outbox, answers=())
        await documents.write("a", 1, later)
        document = await documents.read("a")
        assert document is not None
        assert (dict(document.inbox), document.state, document.answers) == ({"/b": 1}, {"status": "shut"}, ())
        assert (document.sequence, document.outbox) == (2, update(1, 2).outbox)

    async def test_confirming_empties_the_outbox_up_to_a_sequence_and_leaves_the_version_alone(
        self, documents: Documents
    ) -> None:
        await documents.write("a", 0, update(1, 2, 3))
        await documents.confirm("a", 2)
        await documents.confirm("a", 1)
        await documents.confirm("nobody", 5)
        assert await outbox_of(documents, "a") == [3]
        assert await documents.write("a", 1, update(4)) is True
        assert await outbox_of(documents, "a") == [3, 4]
        assert await documents.read("nobody") is None

    async def test_those_with_something_in_their_outbox_are_unpublished_and_no_others(
        self, documents: Documents
    ) -> None:
        await documents.write("quiet", 0, update())
        for id in ("a", "b", "c"):
            await documents.write(id, 0, update(1, 2))
        await documents.confirm("b", 2)
        await documents.confirm("c", 1)
        unpublished = await documents.unpublished(10)
        assert {document.id: len(document.outbox) for document in unpublished} == {"a": 2, "c": 1}
        assert len(await documents.unpublished(1)) == 1

    async def test_what_waits_in_lists_is_counted_in_so_many_documents_as_are_asked_for(
        self, documents: Documents
    ) -> None:
        for id, count in (("a", 2), ("b", 0), ("c", 3)):
            await documents.write(id, 0, update(queue={"early": [{"at": f"{number}"} for number in range(count)]}))
        await documents.write("d", 0, update(status="without a list"))
        assert await documents.count_waiting("state.queue.early", 10) == 5
        assert await documents.count_waiting("state.queue.early", 1) in (2, 3)
        assert await documents.count_waiting("state.queue.late", 10) == 0

    async def test_documents_are_found_by_values_and_by_lists_of_values(self, documents: Documents) -> None:
        for id, status in (("a", "open"), ("b", "shut"), ("c", "open"), ("d", "lost")):
            await documents.write(id, 0, update(status=status, deep={"er": id}))

        async def ids(where: dict[str, Any]) -> list[str]:
            return [document.id for document in await documents.find(where)]

        assert await ids({}) == ["a", "b", "c", "d"]
        assert await ids({"state.status": "open"}) == ["a", "c"]
        assert await ids({"state.status": ["shut", "lost"]}) == ["b", "d"]
        assert await ids({"state.status": "open", "state.deep.er": "c"}) == ["c"]
        assert await ids({"state.status": "broken"}) == []
        assert await ids({"_id": ["a", "d"]}) == ["a", "d"]

    async def test_a_list_is_found_by_any_of_its_elements(self, documents: Documents) -> None:
        for id, parties in (("a", ["x", "y"]), ("b", ["z"]), ("c", [])):
            schools = [{"school": party} for party in parties]
            await documents.write(id, 0, update(parties=parties, schools=schools))

        async def ids(where: dict[str, Any]) -> list[str]:
            return [document.id for document in await documents.find(where)]

        assert await ids({"state.parties": "y"}) == ["a"]
        assert await ids({"state.parties": ["y", "z"]}) == ["a", "b"]
        assert await ids({"state.schools.school": ["x", "nobody"]}) == ["a"]
        assert await ids({"state.schools.school": "nobody"}) == []

    async def test_documents_are_found_a_page_at_a_time_in_both_directions(self, documents: Documents) -> None:
        for id in ("b", "d", "a", "c"):
            await documents.write(id, 0, update(status="shut" if id == "d" else "open"))

        async def ids(**options: Any) -> list[str]:
            return [document.id for document in await documents.find({"state.status": "open"}, **options)]

        assert await ids(limit=2) == ["a", "b"]
        assert await ids(limit=2, after="b") == ["c"]
        assert await ids(limit=2, newest_first=True) == ["c", "b"]
        assert await ids(limit=2, newest_first=True, after="b") == ["a"]
        assert await ids(after="d") == []

    async def test_what_comes_back_is_a_copy(self, documents: Documents) -> None:
        written = update(1, things=["pencil"])
        await documents.write("a", 0, written)
        written.state["things"].append("changed")
        read, (found, *_), (waiting, *_) = (
            await documents.read("a"),
            await documents.find({}),
            await documents.unpublished(1),
        )
        assert read is not None
        for document in (read, found, waiting):
            assert document.state is not None
            document.state["things"].append("changed")
        again = await documents.read("a")
        assert again is not None
        assert again.state == {"things": ["pencil"]}
