"""Platforms and merchants: their terms, and the secrets that are live."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pandapack.decision import Decision, Refusal
from services.donations.platforms.domain.platforms import (
    SECRETS_LIVE_MAX,
    Merchant,
    Platform,
    Terms,
    amend,
    enrol,
    register,
    rename,
    retire,
    rotate,
)

AT = datetime(2021, 11, 11, tzinfo=UTC)
TERMS = Terms(name="A platform")


def after(outcome: Decision[Platform] | Refusal) -> Platform:
    assert isinstance(outcome, Decision)
    return outcome.state


def registered() -> Platform:
    return after(register(Platform(platform="tb"), terms=TERMS, sealed="one", at=AT))


def test_a_new_secret_comes_in_front_and_the_one_before_stays_live() -> None:
    state = after(rotate(registered(), sealed="two", at=AT))
    assert [(secret.sealed, secret.number) for secret in state.secrets] == [("two", 2), ("one", 1)]
    assert len(state.secrets) == SECRETS_LIVE_MAX


def test_a_further_secret_is_refused_until_one_is_retired_or_the_oldest_is_told_to_be() -> None:
    full = after(rotate(registered(), sealed="two", at=AT))
    refused = rotate(full, sealed="three", at=AT)
    assert isinstance(refused, Refusal) and refused.code == "secret_would_end"
    assert "secret 1" in refused.detail and "?retire=oldest" in refused.detail
    told = rotate(full, sealed="three", at=AT, retire_oldest=True)
    assert isinstance(told, Decision) and told.answer == {"platform": "tb", "secret_number": 3, "retired": 1}
    retired = after(rotate(after(retire(full, number=2)), sealed="three", at=AT))
    for state, numbers in ((told.state, [3, 2]), (retired, [3, 1])):
        assert [secret.number for secret in state.secrets] == numbers
    alone = rotate(registered(), sealed="two", at=AT, retire_oldest=True)
    assert isinstance(alone, Decision) and alone.answer["retired"] is None and len(alone.state.secrets) == 2


def test_a_retired_secret_is_gone_and_the_last_one_stays() -> None:
    state = after(retire(after(rotate(registered(), sealed="two", at=AT)), number=1))
    assert [secret.sealed for secret in state.secrets] == ["two"]
    last = retire(state, number=2)
    assert isinstance(last, Refusal) and last.code == "secret_is_the_last"


def test_secrets_for_tests_are_counted_and_ended_apart_from_those_that_sign_what_counts() -> None:
    state = after(rotate(registered(), sealed="live two", at=AT))
    for sealed in ("test one", "test two"):
        state = after(rotate(state, sealed=sealed, at=AT, is_test=True))
    assert [secret.sealed for secret in state.secrets_for(is_test=False)] == ["live two", "one"]
    assert [secret.sealed for secret in state.secrets_for(is_test=True)] == ["test two", "test one"]
    refused = rotate(state, sealed="test three", at=AT, is_test=True)
    assert isinstance(refused, Refusal) and "secret 3" in refused.detail and "for tests" in refused.detail
    told = after(rotate(state, sealed="test three", at=AT, retire_oldest=True, is_test=True))
    assert [secret.sealed for secret in told.secrets_for(is_test=True)] == ["test three", "test two"]
    assert told.secrets_for(is_test=False) == state.secrets_for(is_test=False)


def test_a_secret_for_tests_does_not_stand_for_the_last_live_one_and_may_end_itself() -> None:
    state = after(rotate(registered(), sealed="test", at=AT, is_test=True))
    last = retire(state, number=1)
    assert isinstance(last, Refusal) and last.code == "secret_is_the_last"
    assert after(retire(state, number=2)).secrets == registered().secrets


def test_a_secret_that_was_stored_without_a_mode_signs_what_counts() -> None:
    stored = registered().model_dump(mode="json")
    del stored["secrets"][0]["is_test"]
    assert Platform.model_validate(stored) == registered()


def test_terms_change_and_secrets_stay() -> None:
    other = Terms(name="Another name", lines_a_second=7)
    state = after(amend(registered(), terms=other))
    assert (state.terms, state.secrets) == (other, registered().secrets)


REFUSED: list[tuple[str, Callable[[], Decision[Platform] | Decision[Merchant] | Refusal], str]] = [
    ("registering twice", lambda: register(registered(), terms=TERMS, sealed="two", at=AT), "platform_known"),
    ("terms of nobody", lambda: amend(Platform(platform="no"), terms=TERMS), "platform_unknown"),
    ("a secret for nobody", lambda: rotate(Platform(platform="no"), sealed="x", at=AT), "platform_unknown"),
    ("retiring of nobody's", lambda: retire(Platform(platform="no"), number=1), "platform_unknown"),
    ("retiring an unknown one", lambda: retire(registered(), number=9), "secret_unknown"),
    ("a merchant twice", lambda: enrol(Merchant(merchant="tb:m", name="M"), name="M"), "merchant_known"),
    ("another name for nobody", lambda: rename(Merchant(merchant="tb:m"), name="M"), "merchant_unknown"),
]


@pytest.mark.parametrize(("what", "decide", "code"), REFUSED, ids=[what for what, *_ in REFUSED])
def test_what_cannot_be_is_refused_by_name(what: str, decide: Callable[[], object], code: str) -> None:
    refusal = decide()
    assert isinstance(refusal, Refusal) and refusal.code == code, what
