"""The log's key changes: both sign for a time, and what the old one signed stays provable."""

from __future__ import annotations

from pathlib import Path

import pytest

from pandapack.contracts.tlog.note import SignerKey
from pandapack.contracts.trusted_keys import LogKey, TrustedKeys, parse_keys
from pandapack.local.errors import DataRefused
from pandapack.local.keys import LOG_KEY_FILE, ensure_log_key
from pandapack.local.log_keys import (
    LOG_ORIGIN,
    ensure_log_public_keys,
    finish_log_rotation,
    key_before_file,
    rotate_log_key,
)


def published(folder: Path) -> TrustedKeys:
    return parse_keys(ensure_log_public_keys(folder).read_text())


def signer(file: Path) -> SignerKey:
    return SignerKey(LOG_ORIGIN, bytes.fromhex(file.read_text().strip()))


def test_a_keys_public_half_is_published_once(tmp_path: Path) -> None:
    key = signer(ensure_log_key(tmp_path)).verifier
    for _ in range(2):
        assert published(tmp_path).log == (LogKey(key),)


def test_while_the_key_changes_both_sign_and_then_the_old_one_is_listed_with_its_last_size(tmp_path: Path) -> None:
    old = signer(ensure_log_key(tmp_path)).verifier
    fresh = rotate_log_key(tmp_path)
    before = key_before_file(tmp_path)
    assert before is not None and before.stat().st_mode & 0o077 == 0
    assert (signer(before).verifier, signer(tmp_path / LOG_KEY_FILE).verifier) == (old, fresh)
    assert published(tmp_path).log == (LogKey(fresh), LogKey(old))
    with pytest.raises(DataRefused, match="changes already"):
        rotate_log_key(tmp_path)
    assert finish_log_rotation(tmp_path, 700) == old
    assert key_before_file(tmp_path) is None
    assert published(tmp_path).log == (LogKey(fresh), LogKey(old, 700))


def test_where_no_key_changes_there_is_nothing_to_finish(tmp_path: Path) -> None:
    ensure_log_public_keys(tmp_path)
    with pytest.raises(DataRefused, match="no key of the log changes"):
        finish_log_rotation(tmp_path, 1)


def test_a_key_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    ensure_log_key(tmp_path).write_text("no key")
    with pytest.raises(DataRefused, match="holds no key"):
        ensure_log_public_keys(tmp_path)
