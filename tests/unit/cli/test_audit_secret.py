"""Which secret of the public log `panda audit` takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from pandapack.cli import audit

SECRET = "5e" * 32


def test_the_secret_that_is_named_is_read_and_none_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert audit._log_secret(None) is None
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    assert audit._log_secret(file) == SECRET


@pytest.mark.parametrize("text", ["", "5e5e", "not hex", None])
def test_what_is_no_secret_ends_the_command_and_says_where_it_is(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "secret"
    if text is not None:
        file.write_text(text)
    with pytest.raises(typer.Exit):
        audit._log_secret(file)
    assert str(file) in capsys.readouterr().err
