"""Where fetched things are kept, and where a push's notes go: one folder, which a setting moves."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pandapack.cache import cache_dir
from pandapack.client.resume import state_path


def test_a_named_folder_goes_before_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("PANDA_CACHE", str(tmp_path / "named"))
    assert cache_dir() == tmp_path / "named"
    monkeypatch.setenv("PANDA_CACHE", "~/mine")
    assert cache_dir() == Path.home() / "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have folders of their own")
def test_on_linux_it_is_where_the_desktops_specification_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PANDA_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "pandapack"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir() == Path.home() / ".cache" / "pandapack"


def test_a_pushs_notes_go_there_where_the_files_folder_takes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "donations.ndjson"
    assert state_path(file).parent == tmp_path
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("PANDA_CACHE", str(tmp_path / "cache"))
    assert tmp_path / "cache" in state_path(file).parents
