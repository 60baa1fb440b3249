"""Platforms and merchants: their terms, secrets, pace and signatures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from pandapack.contracts.signing import TOLERANCE_S, secret_words, sign
from pandapack.decision import Decision, Refusal
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.errors import Misconfigured
from services.donations.domain.pacing import BURST_S, Pace
from services.donations.domain.platforms import (
    SECRETS_LIVE_MAX,
    Merchant,
    Mode,
    Platform,
    Terms,
    amend,
    enrol,
    move,
    register,
    retire,
    rotate,
)
from services.donations.domain.signatures import NotSigned, Signature, checked
from services.donations.store.sealing import Sealer

AT = datetime(2021, 11, 11, tzinfo=UTC)
WALL_S = 1_636_560_000
TERMS = Terms(name="A platform")
KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
BODY = b'{"id": "1"}\n{"id": "2"}'


def after(outcome: Decision[Platform] | Refusal) -> Platform:
    assert isinstance(outcome, Decision)
    return outcome.state


def registered() -> Platform:
    return after(register(Platform(platform="tb"), terms=TERMS, sealed="one", at=AT))


def test_a_new_secret_comes_in_front_and_the_one_before_stays_live() -> None:
    state = registered()
    for sealed in ("two", "three"):
        state = after(rotate(state, sealed=sealed, at=AT))
    assert [secret.sealed for secret in state.secrets] == ["three", "two"]
    assert (len(state.secrets), [secret.number for secret in state.secrets]) == (SECRETS_LIVE_MAX, [3, 2])


def test_a_retired_secret_is_gone_and_the_last_one_stays() -> None:
    state = after(retire(after(rotate(registered(), sealed="two", at=AT)), number=1))
    assert [secret.sealed for secret in state.secrets] == ["two"]
    last = retire(state, number=2)
    assert isinstance(last, Refusal) and last.code == "secret_is_the_last"


def test_terms_change_and_secrets_stay() -> None:
    testing = Terms(name="Another name", mode=Mode.TEST, lines_a_second=7)
    state = after(amend(registered(), terms=testing))
    assert (state.terms, state.secrets) == (testing, registered().secrets)


REFUSED: list[tuple[str, Callable[[], Decision[Platform] | Decision[Merchant] | Refusal], str]] = [
    ("registering twice", lambda: register(registered(), terms=TERMS, sealed="two", at=AT), "platform_known"),
    ("terms of nobody", lambda: amend(Platform(platform="no"), terms=TERMS), "platform_unknown"),
    ("a secret for nobody", lambda: rotate(Platform(platform="no"), sealed="x", at=AT), "platform_unknown"),
    ("retiring of nobody's", lambda: retire(Platform(platform="no"), number=1), "platform_unknown"),
    ("retiring an unknown one", lambda: retire(registered(), number=9), "secret_unknown"),
    ("a merchant twice", lambda: enrol(Merchant(merchant="m", name="M"), name="M"), "merchant_known"),
    ("another name for nobody", lambda: move(Merchant(merchant="m"), name="M", platform=None), "merchant_unknown"),
]


@pytest.mark.parametrize(("what", "decide", "code"), REFUSED, ids=[what for what, *_ in REFUSED])
def test_what_cannot_be_is_refused_by_name(what: str, decide: Callable[[], object], code: str) -> None:
    refusal = decide()
    assert isinstance(refusal, Refusal) and refusal.code == code, what


def test_a_platform_within_its_rate_never_waits_and_one_beyond_it_waits_until_it_is_even() -> None:
    pace = Pace()
    for second in range(100):
        assert pace.wait_s(float(second)) == 0
        pace.charge(1_000, lines_a_second=1_000, now_s=float(second))
    pace.charge(10_000, lines_a_second=1_000, now_s=100.0)
    assert pace.wait_s(100.0) == pytest.approx(10 - BURST_S)
    assert pace.wait_s(105.0) == 0


def test_a_pause_gives_back_no_more_than_the_burst() -> None:
    pace = Pace()
    pace.charge(5_000, lines_a_second=1_000, now_s=1_000_000.0)
    pace.charge(5_000, lines_a_second=1_000, now_s=1_000_000.0)
    assert pace.wait_s(1_000_000.0) == pytest.approx(5.0)


def signature(key: bytes = KEY, *, id: str = "msg_1", at_s: int = WALL_S, body: bytes = BODY) -> Signature:
    return Signature(id, str(at_s), sign(key, id, str(at_s), body))


@pytest.mark.parametrize("key", [KEY, OTHER_KEY], ids=["the newer secret", "the older secret"])
def test_both_live_secrets_sign(key: bytes) -> None:
    assert checked(signature(key), [OTHER_KEY, KEY], BODY, wall_s=WALL_S) is None


@pytest.mark.parametrize("off_s", [-TOLERANCE_S, 0, TOLERANCE_S])
def test_a_signature_is_good_for_five_minutes_to_either_side(off_s: int) -> None:
    assert checked(signature(at_s=WALL_S + off_s), [KEY], BODY, wall_s=WALL_S) is None


NOT_SIGNED: list[tuple[str, Signature, str]] = [
    ("no header", Signature(None, None, None), "signature_missing"),
    ("no time", Signature("msg_1", None, "v1,x"), "signature_missing"),
    ("a time that is none", Signature("msg_1", "today", "v1,x"), "signature_invalid"),
    ("a time without end", Signature("msg_1", "9" * 5_000, "v1,x"), "signature_invalid"),
    ("very many signatures", Signature("msg_1", str(WALL_S), "v1,x " * 9), "signature_invalid"),
    ("an early one", signature(at_s=WALL_S + TOLERANCE_S + 1), "signature_stale"),
    ("a late one", signature(at_s=WALL_S - TOLERANCE_S - 1), "signature_stale"),
    ("another's secret", signature(OTHER_KEY), "signature_wrong"),
    ("another body", signature(body=BODY + b" "), "signature_wrong"),
    ("a signature that is no text of ours", Signature("msg_1", str(WALL_S), "v1,é"), "signature_wrong"),
]


@pytest.mark.parametrize(("what", "given", "code"), NOT_SIGNED, ids=[what for what, *_ in NOT_SIGNED])
def test_what_is_not_signed_is_refused_by_name(what: str, given: Signature, code: str) -> None:
    wrong = checked(given, [KEY], BODY, wall_s=WALL_S)
    assert isinstance(wrong, NotSigned) and wrong.code == code, what


def test_a_wrong_signature_tells_what_was_signed_and_neither_the_secret_nor_the_right_signature() -> None:
    wrong = checked(signature(OTHER_KEY), [KEY], BODY, wall_s=WALL_S)
    assert wrong is not None and wrong.signed is not None
    assert str(wrong.signed["content_begins"]).startswith(f"msg_1.{WALL_S}.{{")
    told = repr(wrong)
    assert secret_words(KEY) not in told
    assert sign(KEY, "msg_1", str(WALL_S), BODY).removeprefix("v1,") not in told


def now_s() -> int:
    return int(datetime.now(UTC).timestamp())


def test_the_standard_webhooks_package_takes_what_we_sign_and_refuses_what_we_refuse() -> None:
    """The package knows no other time than now."""
    at_s = now_s()
    good, oracle = signature(at_s=at_s), Webhook(secret_words(KEY))

    def verified(given: Signature, body: bytes) -> bool:
        assert given.id and given.timestamp and given.signatures
        headers = {
            "webhook-id": given.id,
            "webhook-timestamp": given.timestamp,
            "webhook-signature": given.signatures,
        }
        try:
            oracle.verify(body, headers, json_parse=False)
        except WebhookVerificationError:
            return False
        return True

    altered = [BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :] for place in range(len(BODY))]
    stale = signature(at_s=at_s - 2 * TOLERANCE_S)
    for given, body in [
        (good, BODY),
        (stale, BODY),
        (signature(OTHER_KEY, at_s=at_s), BODY),
        *((good, b) for b in altered),
    ]:
        assert verified(given, body) == (checked(given, [KEY], body, wall_s=at_s) is None)
    assert verified(good, BODY) and not verified(stale, BODY)


def test_a_sealed_secret_opens_for_its_own_platform_and_key_only() -> None:
    sealer = Sealer("k" * 32, SeededChance(1))
    sealed = sealer.seal(KEY, "tb")
    assert sealer.open(sealed, "tb") == KEY
    for other, owner in (
        (sealer, "jd"),
        (Sealer("l" * 32, SeededChance(1)), "tb"),
        (Sealer("", SeededChance(1)), "tb"),
    ):
        with pytest.raises(Misconfigured):
            other.open(sealed, owner)


def test_without_a_key_secrets_are_kept_as_they_are_and_still_open_once_there_is_one() -> None:
    sealed = Sealer("", SeededChance(1)).seal(KEY, "tb")
    assert Sealer("k" * 32, SeededChance(1)).open(sealed, "tb") == KEY
    with pytest.raises(Misconfigured):
        Sealer("short", SeededChance(1))
