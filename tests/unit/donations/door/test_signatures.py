"""Signatures of pushes: good by each live secret for five minutes; what is not signed is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from pandapack.contracts.signing import TOLERANCE_S, secret_text, sign
from pandapack.decision import Refusal, RefusalKind
from services.donations.door.domain.signatures import PassingSignature, Signature, refusal_of

WALL_S = 1_636_560_000
KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
BODY = b'{"id": "1"}\n{"id": "2"}'


def signature(key: bytes = KEY, *, id: str = "msg_1", at_s: int = WALL_S, body: bytes = BODY) -> Signature:
    return Signature(id, str(at_s), sign(key, id, str(at_s), body))


@pytest.mark.parametrize("key", [KEY, OTHER_KEY], ids=["the newer secret", "the older secret"])
def test_both_live_secrets_sign(key: bytes) -> None:
    assert refusal_of(signature(key), [OTHER_KEY, KEY], BODY, wall_s=WALL_S) is None


@pytest.mark.parametrize("off_s", [-TOLERANCE_S, 0, TOLERANCE_S])
def test_a_signature_is_good_for_five_minutes_to_either_side(off_s: int) -> None:
    assert refusal_of(signature(at_s=WALL_S + off_s), [KEY], BODY, wall_s=WALL_S) is None


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
    wrong = refusal_of(given, [KEY], BODY, wall_s=WALL_S)
    assert isinstance(wrong, Refusal) and wrong.code == code, what


def test_a_wrong_signature_tells_what_was_signed_and_neither_the_secret_nor_the_right_signature() -> None:
    wrong = refusal_of(signature(OTHER_KEY), [KEY], BODY, wall_s=WALL_S)
    assert wrong is not None and wrong.kind is RefusalKind.UNAUTHENTICATED
    signed = wrong.extra["signed"]
    assert isinstance(signed, dict)
    assert str(signed["content_begins"]).startswith(f"msg_1.{WALL_S}.{{")
    shown = repr(wrong)
    assert secret_text(KEY) not in shown
    assert sign(KEY, "msg_1", str(WALL_S), BODY).removeprefix("v1,") not in shown


def now_s() -> int:
    return int(datetime.now(UTC).timestamp())


def test_the_standard_webhooks_package_accepts_what_we_sign_and_refuses_what_we_refuse() -> None:
    """The package knows no other time than now."""
    at_s = now_s()
    good, oracle = signature(at_s=at_s), Webhook(secret_text(KEY))

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

    altered = [BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :] for at in range(len(BODY))]
    stale = signature(at_s=at_s - 2 * TOLERANCE_S)
    for given, body in [
        (good, BODY),
        (stale, BODY),
        (signature(OTHER_KEY, at_s=at_s), BODY),
        *((good, b) for b in altered),
    ]:
        assert verified(given, body) == (refusal_of(given, [KEY], body, wall_s=at_s) is None)
    assert verified(good, BODY) and not verified(stale, BODY)


@pytest.mark.parametrize("size", [1, 5, 1_000])
def test_a_body_that_passes_in_pieces_is_judged_as_the_whole_one(size: int) -> None:
    for body, given in ((BODY, signature()), (BODY + b" ", signature()), (BODY, signature(OTHER_KEY))):
        passing = PassingSignature(given, [KEY])
        for begin in range(0, len(body), size):
            passing.feed(body[begin : begin + size])
        assert passing.refusal() == refusal_of(given, [KEY], body, wall_s=WALL_S)
