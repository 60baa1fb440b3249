"""One batch on its way: what is sent, what is tried again, when it ends."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from pandapack.client.batches import Batch, Line
from pandapack.client.delivery import Answer, Delivery, Retry, Silence, Wait, retry_after_s
from pandapack.client.errors import PushFailed, Rejected
from pandapack.client.results import PushResult, report_of
from pandapack.contracts.signing import secret_text

NOW_S = 1_700_000_000


def delivery(retry: Retry = Retry(), key: bytes | None = None) -> Delivery:  # noqa: B008 - frozen
    batch = Batch(start=0, first_line=7)
    for number, text in ((7, b"{}"), (8, b""), (9, b"{}")):
        batch.add(Line(number, text, len(text), 0, 0))
    return Delivery(batch, "id-1", retry, key)


def waits(retry: Retry, reply: Answer | Silence, jitter: float = 1.0) -> list[float]:
    """The pauses until it gives up."""
    going, pauses = delivery(retry), list[float]()

    def attempt_for_ever() -> None:
        while True:
            going.request(wall_s=NOW_S)
            step = going.next_step(reply, wall_s=NOW_S, jitter=jitter)
            assert isinstance(step, Wait)
            pauses.append(step.pause_s)

    with pytest.raises(PushFailed, match=f"lines 7 to 9 were not accepted after {retry.attempts_max} attempts"):
        attempt_for_ever()
    return pauses


@given(st.integers(1, 20), st.floats(0.5, 1.499))
def test_pauses_grow_up_to_the_longest_and_attempts_end(attempts: int, jitter: float) -> None:
    pauses = waits(Retry(attempts, 0.2, 10.0), Silence("cut"), jitter)
    assert len(pauses) == attempts - 1
    assert pauses == sorted(pauses)
    assert all(pause <= 10.0 * jitter for pause in pauses)


TRIED_AGAIN = [408, 425, 429, 500, 502, 503, 504]


@pytest.mark.parametrize("status", TRIED_AGAIN)
def test_what_may_pass_is_tried_again_with_the_same_id_and_body(status: int) -> None:
    going = delivery()
    first = going.request(wall_s=NOW_S)
    assert isinstance(going.next_step(Answer(status, {}, b""), wall_s=NOW_S, jitter=1.0), Wait)
    assert going.request(wall_s=NOW_S + 9) == first


REJECTED: list[tuple[int, bytes, str]] = [
    (400, b'{"code": "empty", "detail": "no donation"}', "empty"),
    (401, b'{"code": "key_unknown", "detail": "no such key"}', "key_unknown"),
    (409, b'{"code": "idempotency_key_reused", "detail": "x"}', "idempotency_key_reused"),
    (422, b'{"code": "invalid_request", "detail": "x"}', "invalid_request"),
    (404, b"<html>not here</html>", "no_problem_document"),
]


@pytest.mark.parametrize(("status", "body", "code"), REJECTED)
def test_a_no_to_the_whole_batch_is_not_tried_again(status: int, body: bytes, code: str) -> None:
    going = delivery()
    going.request(wall_s=NOW_S)
    with pytest.raises(Rejected) as refused:
        going.next_step(Answer(status, {}, body), wall_s=NOW_S, jitter=1.0)
    assert (refused.value.status, refused.value.code) == (status, code)


def test_retry_after_is_honoured_and_has_a_limit() -> None:
    asked = Answer(429, {"retry-after": "30"}, b"")
    assert waits(Retry(3, 0.2, 10.0), asked) == [30.0, 30.0]
    with pytest.raises(PushFailed):
        delivery().next_step(Answer(503, {"retry-after": "86400"}, b""), wall_s=NOW_S, jitter=1.0)


RETRY_AFTER = [
    ("7", 7.0),
    ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
    ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
    ("", 0.0),
    ("soon", 0.0),
    ("-5", 0.0),
    ("٣", 0.0),
]


@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTER)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float) -> None:
    assert retry_after_s(value, wall_s=NOW_S) == seconds


def test_refused_lines_have_their_number_in_the_file() -> None:
    failure = {"index": 1, "pointer": "/at", "code": "too_old", "message": {"en": "old", "zh": "旧"}}
    body = json.dumps({"push_id": "psh_1", "accepted": 1, "rejected": 1, "failures": [failure]}).encode()
    for status in (202, 422):
        result = delivery().next_step(Answer(status, {}, body), wall_s=NOW_S, jitter=1.0)
        assert isinstance(result, PushResult)
        assert [(one.line, one.as_json()) for one in result.refused] == [(9, {"line": 9, **failure})]


def test_refused_lines_that_are_not_named_are_counted() -> None:
    body = json.dumps({"push_id": "psh_1", "accepted": 0, "rejected": 9, "failures": [], "failures_more": 9}).encode()
    result = delivery().next_step(Answer(202, {}, body), wall_s=NOW_S, jitter=1.0)
    assert isinstance(result, PushResult) and result.refused_more == 9
    assert report_of([result, result]).rejected == 18


def test_a_202_that_is_no_answer_of_the_service_is_not_believed() -> None:
    going = delivery()
    going.request(wall_s=NOW_S)
    assert isinstance(going.next_step(Answer(202, {}, b"<html>"), wall_s=NOW_S, jitter=1.0), Wait)


def test_each_attempt_is_signed_anew_so_that_no_pause_makes_it_stale() -> None:
    going = delivery(key=b"k" * 24)
    first, second = going.request(wall_s=NOW_S), going.request(wall_s=NOW_S + 400)
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == second.headers["idempotency-key"] == "id-1"
    assert second.headers["webhook-timestamp"] == str(NOW_S + 400)
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_signatures_are_those_of_the_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    request = delivery(key=b"k" * 24).request(wall_s=int(time.time()))
    Webhook(secret_text(b"k" * 24)).verify(request.body, dict(request.headers), json_parse=False)
