"""Names of requests with which a test brings about what the door answers seldom."""

from __future__ import annotations

from pandapack.decision import Refusal, RefusalKind

TEST_RATE_EXCEEDED, TEST_UNAVAILABLE = "test_rate_exceeded", "test_unavailable"
RETRY_AFTER_S = 1


def refusal_of(name: str | None) -> Refusal | None:
    """What a test of this name (Idempotency-Key or webhook-id) is refused for; None: nothing."""
    if name != TEST_RATE_EXCEEDED:
        return None
    detail = f"{name} is what a platform that pushes too fast is told: come again in {RETRY_AFTER_S} s, by another name"
    return Refusal("rate_exceeded", detail, RefusalKind.TOO_MANY, RETRY_AFTER_S)
