"""Checkpoints by the letter of tlog-checkpoint, with the time that ours say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.times import TIME_FIRST, TIME_LAST
from pandapack.contracts.tlog.checkpoint import (
    EXTENSIONS_MAX,
    Checkpoint,
    checkpoint_at,
    open_checkpoint,
    sign_checkpoint,
)
from pandapack.contracts.tlog.encoding import SIZE_MAX, Malformed
from pandapack.contracts.tlog.note import NotSigned, SignerKey, sign
from tests.unit.contracts.tlog.logs import AT, LOG_KEY, ORIGIN, StoredLog, checkpoint_of, note_of, seed

LOG = StoredLog([3])
GOLDEN = """panda.example/log
3
lPvQ3YNvUDAWkubQ6t5yjuGexSv/8WBu2AfIV11aqhk=
signed-at 2031-05-04T10:00:00.250Z

— panda.example/log v3TrmI7JwWCQs+o2g6ZJC+Q9J1CfWH+JVslgRhsjf/eC5OO2J8Smv4G6ixYHAkHj23Hky86tz5HanP+XZ56wntLWGQU=
"""
"""As aics-tlog signs it with the same key."""
SPECIFIED = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
TIMES = st.datetimes(TIME_FIRST.replace(tzinfo=None), TIME_LAST.replace(tzinfo=None) - timedelta(days=1))
KEYS = [LOG_KEY.verifier]


def test_a_checkpoint_is_written_so() -> None:
    assert note_of(LOG).raw.decode() == GOLDEN


def test_the_specifications_example_is_read() -> None:
    checkpoint = Checkpoint.parse(SPECIFIED)
    assert (checkpoint.origin, checkpoint.size, checkpoint.extensions) == ("example.com/behind-the-sofa", 20852163, ())
    assert checkpoint.text == SPECIFIED


LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)


@given(LINES, st.integers(0, SIZE_MAX), st.binary(min_size=32, max_size=32), st.lists(LINES, max_size=EXTENSIONS_MAX))
def test_every_checkpoint_is_read_as_it_was_written(origin: str, size: int, root: bytes, more: list[str]) -> None:
    checkpoint = Checkpoint(origin, size, root, tuple(more))
    assert Checkpoint.parse(checkpoint.text) == checkpoint


@given(TIMES, st.sampled_from([UTC, timezone(timedelta(hours=8))]))
def test_ours_say_when_they_were_signed(at: datetime, zone: timezone) -> None:
    checkpoint = checkpoint_at(ORIGIN, 0, LOG.edge.root, at.replace(tzinfo=UTC).astimezone(zone))
    assert timedelta() <= at.replace(tzinfo=UTC) - checkpoint.signed_at < timedelta(milliseconds=1)
    assert Checkpoint.parse(checkpoint.text).signed_at == checkpoint.signed_at


ROOT = SPECIFIED.split("\n")[2]


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "a\n1\n", f"a\n1\n{ROOT}", f"\n1\n{ROOT}\n", f"a\n01\n{ROOT}\n", f"a\n-1\n{ROOT}\n",
        f"a\n+1\n{ROOT}\n",
        f"a\n1 \n{ROOT}\n", f"a\n\n{ROOT}\n", f"a\n1_0\n{ROOT}\n", f"a\n\u0661\n{ROOT}\n",
        f"a\n{SIZE_MAX + 1}\n{ROOT}\n",
        f"a\n{'9' * 5000}\n{ROOT}\n", "a\n1\n\n", f"a\n1\n{ROOT[:-1]}\n", f"a\n1\n{ROOT}=\n", f"a\n1\n {ROOT}\n",
        f"a\n1\n{ROOT[:-2]}J=\n", f"a\n1\n{ROOT[4:]}\n", f"a\n1\n{ROOT.replace('/', '_')}\n", f"a\n1\n{ROOT}\n\n",
        f"a\n1\n{ROOT}\n\nmore\n", f"a\r\n1\r\n{ROOT}\r\n", f"a\n1\n{ROOT}\n" + "x\n" * (EXTENSIONS_MAX + 1),
        f"{'a' * 256}\n1\n{ROOT}\n",
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "lines",
    [
        (), ("signed-at",), ("signed-at ",), ("signed-at 2031-05-04T10:00:00Z",),
        ("signed-at 2031-05-04T10:00:00.25Z",),
        ("signed-at 2031-05-04T10:00:00.250+00:00",), ("signed-at 2031-05-04 10:00:00.250Z",),
        ("signed-at 2031-05-04T24:00:00.000Z",), ("signed-at 2031-02-30T10:00:00.250Z",),
        ("signed-at 1999-05-04T10:00:00.250Z",), ("signed-at 2031-05-04T10:00:00.250Z ",),
        ("signed-at 2031-05-04T10:00:00.250Z", "more"), ("signed-at 2031-05-04T10:00:00.250Z",) * 2,
        ("Signed-at 2031-05-04T10:00:00.250Z",), ("signed-at 2031-05-04T10:00:00.\u0662\u0665\u0660Z",),
    ],
)  # fmt: skip
def test_ours_say_it_in_one_line_and_one_form(lines: tuple[str, ...]) -> None:
    with pytest.raises(Malformed):
        _ = Checkpoint(ORIGIN, 0, LOG.edge.root, lines).signed_at


def test_a_checkpoint_opens_for_its_log_and_its_keys_alone() -> None:
    opened = open_checkpoint(note_of(LOG).raw, ORIGIN, KEYS)
    assert (opened.checkpoint, opened.signers) == (checkpoint_of(LOG), (LOG_KEY.verifier,))
    with pytest.raises(NotSigned, match="not of"):
        open_checkpoint(note_of(LOG).raw, "another.example/log", KEYS)
    with pytest.raises(NotSigned, match="no trusted key"):
        open_checkpoint(note_of(LOG).raw, ORIGIN, [SignerKey(ORIGIN, seed("forger")).verifier])
    with pytest.raises(Malformed):
        open_checkpoint(sign("no checkpoint\n", [LOG_KEY]).raw, ORIGIN, KEYS)


def test_while_a_key_changes_the_old_and_the_new_one_sign() -> None:
    fresh = SignerKey(ORIGIN, seed("fresh"))
    both = sign_checkpoint(checkpoint_at(ORIGIN, 3, LOG.edge.root, AT), [LOG_KEY, fresh]).raw
    for keys in ([LOG_KEY.verifier], [fresh.verifier], [LOG_KEY.verifier, fresh.verifier]):
        assert list(open_checkpoint(both, ORIGIN, keys).signers) == keys
