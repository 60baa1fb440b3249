"""No input makes a 5xx: a short fuzz run over all routes of all services, with keys of every role."""

from __future__ import annotations

from tests.fuzzing import fuzz
from tests.system.cast import Cast

EXAMPLES = 4
SEED = 1


def test_whatever_is_sent_to_any_route_with_any_key_is_no_error_of_ours(cast: Cast) -> None:
    fuzzed = fuzz(cast.urls, cast.keys, examples=EXAMPLES, number=SEED)
    assert not fuzzed.broken, "\n\n".join(fuzzed.broken)
    # Without these the whole would prove little: a test of what is refused at once tests only that refusal.
    assert set(fuzzed.statuses) >= {200, 201, 401, 403, 404, 422}
