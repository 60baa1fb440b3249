"""Lines become batches, always the same ones."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.client.batches import Batch, BatchLimits, batch_id, batch_of_ndjson, batches, lines_of, lines_of_file
from pandapack.contracts.donations import Donation

CONTENT = st.lists(
    st.one_of(st.binary(max_size=12), st.sampled_from([b"", b"{}", b"x" * 40])).map(lambda b: b.replace(b"\n", b" ")),
    max_size=60,
).map(b"\n".join)
LIMITS = st.builds(BatchLimits, st.integers(1, 7), st.integers(8, 64))


def planned(content: bytes, limits: BatchLimits, *, number: int = 1, start: int = 0) -> list[Batch]:
    return list(batches(lines_of_file(io.BytesIO(content), limits, number=number, start=start), limits))


@given(CONTENT, LIMITS)
def test_every_line_is_in_one_batch_under_its_own_number(content: bytes, limits: BatchLimits) -> None:
    plan = planned(content, limits)
    sent = {n: text for batch in plan for n, text in zip(batch.numbers, batch.texts, strict=True)}
    refused = {number for batch in plan for number, _ in batch.too_long}
    for number, line in enumerate(content.split(b"\n"), 1):
        if number in refused:
            assert len(line) > limits.bytes_max
        else:
            assert sent.get(number, b"") == line.strip()


@given(CONTENT, LIMITS)
def test_batches_keep_their_limits_and_cover_the_file_without_gaps(content: bytes, limits: BatchLimits) -> None:
    end = 0
    for batch in planned(content, limits):
        assert len(batch.texts) <= limits.lines_max
        assert len(batch.body()) <= limits.bytes_max
        assert batch.start == end
        end = batch.end
    assert end == len(content)


@given(CONTENT, LIMITS, st.data())
def test_resuming_at_any_batchs_end_gives_the_same_batches(
    content: bytes, limits: BatchLimits, data: st.DataObject
) -> None:
    plan = planned(content, limits)
    done = data.draw(st.integers(0, len(plan)))
    number, start = (plan[done - 1].last_line + 1, plan[done - 1].end) if done else (1, 0)
    assert planned(content, limits, number=number, start=start) == plan[done:]


def test_a_body_never_holds_a_blank_line_since_the_service_would_not_count_it() -> None:
    (batch,) = planned(b'{"id":1}\n\n  \r\n{"id":2}\r\n', BatchLimits())
    assert (batch.body(), batch.numbers) == (b'{"id":1}\n{"id":2}', [1, 4])


@pytest.mark.parametrize("body", [b'{"id":1}\n[', b'{"id":1}\n[\n'])
def test_a_body_that_is_laid_out_already_is_one_batch_and_stays_as_it_is(body: bytes) -> None:
    batch = batch_of_ndjson(body)
    assert (batch.body(), batch.numbers, batch.first_line, batch.last_line) == (body, [1, 2], 1, 2)


def test_donations_may_be_typed_mappings_or_lines() -> None:
    typed = Donation(id="4", merchant="M1", programme="P", amount_fen=5, at="2021-11-11T10:00:00+08:00")
    forms = [{"id": "1", "n": 1}, '{"id":\n"2"}', b'{"id":"3"}\n', typed]
    (batch,) = batches(lines_of(forms, BatchLimits()), BatchLimits())
    assert batch.texts == [b'{"id":"1","n":1}', b'{"id": "2"}', b'{"id":"3"}', typed.model_dump_json().encode()]


def test_an_id_derives_from_the_body_or_from_the_given_one() -> None:
    one, two = planned(b"{}\n[]", BatchLimits(lines_max=1))
    assert batch_id(one, None, 1) == batch_id(one, None, 9) != batch_id(two, None, 1)
    assert (batch_id(one, "day", 1), batch_id(two, "day", 2)) == ("day.1", "day.2")
