"""The first keys: secrets for their owner, digests for the services."""

from __future__ import annotations

import hashlib
import json
import re
import stat
from pathlib import Path

import pytest

from pandapack.local.errors import DataRefused
from pandapack.local.keys import NAMES, ensure_keys, ensure_secrets_key, ensure_signing_key


def test_secrets_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    keys = ensure_keys(tmp_path)
    ensure_signing_key(tmp_path)
    ensure_secrets_key(tmp_path)
    for name in ("keys.json", "keys-digests.json", "secrets_key", "signing_key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name
    assert json.loads((tmp_path / "keys.json").read_text()) == keys
    assert set(keys) == set(NAMES)


def test_services_are_handed_digests_and_no_secret(tmp_path: Path) -> None:
    keys = ensure_keys(tmp_path)
    text = (tmp_path / "keys-digests.json").read_text()
    rows = {row["name"].removeprefix("embedded "): row for row in json.loads(text)}
    for role, key in keys.items():
        prefix, secret = key.split("_")[-2:]
        assert secret not in text
        assert set(rows[role]) - {"mode"} == {"prefix", "role", "digest", "name"}
        assert rows[role]["prefix"] == prefix
        assert rows[role]["digest"] == hashlib.sha256(key.encode()).hexdigest()


def test_the_platform_has_a_key_for_tests_beside_its_live_one(tmp_path: Path) -> None:
    ensure_keys(tmp_path, "demo")
    rows = json.loads((tmp_path / "keys-digests.json").read_text())
    owned = [(row["role"], row.get("mode", "live")) for row in rows if row.get("owner") == "demo"]
    assert owned == [("platform", "live"), ("platform", "test")]


def test_a_key_names_its_role_and_prefix_before_its_secret(tmp_path: Path) -> None:
    for role, key in ensure_keys(tmp_path).items():
        assert re.fullmatch(rf"panda_{role}_[0-9a-f]{{8}}_[0-9a-f]{{32}}", key)


def test_a_second_start_keeps_the_keys_of_the_first(tmp_path: Path) -> None:
    assert ensure_keys(tmp_path) == ensure_keys(tmp_path)
    assert ensure_secrets_key(tmp_path) == ensure_secrets_key(tmp_path)
    assert ensure_signing_key(tmp_path).read_text() == ensure_signing_key(tmp_path).read_text()


@pytest.mark.parametrize("content", ["", "not hex", "00" * 31, "00" * 33])
def test_a_signing_key_that_is_none_is_refused_and_left_as_it_is(tmp_path: Path, content: str) -> None:
    (tmp_path / "signing_key").write_text(content)
    with pytest.raises(DataRefused, match=r"signing_key holds no key.*backup"):
        ensure_signing_key(tmp_path)
    assert (tmp_path / "signing_key").read_text() == content
    assert not (tmp_path / "signing_key.pub").exists()
