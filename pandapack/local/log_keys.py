"""The public log's keys of an embedded stack: what signs checkpoints, what signed them before, and their public halves.

While a key changes, both sign every checkpoint: whoever trusts either one goes on without a gap, and takes the new one
from where the old one was had. `log_keys.pub` lists them as verifiers take them (`contracts.trusted_keys`).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from pandapack.local.errors import DataRefused
from pandapack.local.keys import LOG_KEY_FILE, LOG_PUBLIC_KEYS_FILE, SIGNING_KEY_BYTES, ensure_log_key
from pandapack.local.private import write_private

if TYPE_CHECKING:  # with it comes cryptography: imported once a key is read, not by every command
    from pandapack.contracts.tlog.note import VerifierKey

LOG_ORIGIN = "localhost/panda-pack"
"""The log's name where nobody chose another (`PANDA_LOG_ORIGIN`)."""
KEY_BEFORE_FILE = "log_key_before"
MEND = "Put it back from a backup. docs/log/keys.md says what to do where there is none"


def log_origin() -> str:
    """The name of the log that a stack of this environment has."""
    return os.environ.get("PANDA_LOG_ORIGIN") or LOG_ORIGIN


def key_before_file(data_dir: Path) -> Path | None:
    """The file with the key that signs beside the newest, while it changes."""
    file = data_dir / KEY_BEFORE_FILE
    return file if file.exists() else None


def ensure_log_public_keys(data_dir: Path) -> Path:
    """The file with the public halves, to which the key that signs is added where it lacks. Raises DataRefused."""
    file, key = data_dir / LOG_PUBLIC_KEYS_FILE, _public_half(ensure_log_key(data_dir)).text
    lines = _lines(file)
    if not any(line.split(" ")[0] == key for line in lines):
        _write(file, [key, *lines])
    return file


def rotate_log_key(data_dir: Path) -> VerifierKey:
    """A new key, which signs beside the one before from the next start on. Raises DataRefused while another changes."""
    if key_before_file(data_dir) is not None:
        raise DataRefused(
            f"{data_dir / KEY_BEFORE_FILE} is there: the log's key changes already",
            "End that first: `panda key rotate log --finish`, and start reporting anew",
        )
    ensure_log_public_keys(data_dir)
    key = data_dir / LOG_KEY_FILE
    write_private(data_dir / KEY_BEFORE_FILE, key.read_text())
    write_private(key, secrets.token_hex(SIGNING_KEY_BYTES) + "\n")
    ensure_log_public_keys(data_dir)
    return _public_half(key)


def finish_log_rotation(data_dir: Path, size: int) -> VerifierKey:
    """Ends the change: the key before signs nothing from the next start on, and is listed with `size`, its last.

    Answers it. Raises DataRefused where no key changes.
    """
    before = key_before_file(data_dir)
    if before is None:
        raise DataRefused(f"there is no {data_dir / KEY_BEFORE_FILE}: no key of the log changes", "")
    retired, file = _public_half(before), data_dir / LOG_PUBLIC_KEYS_FILE
    kept = [line for line in _lines(file) if line.split(" ")[0] != retired.text]
    _write(file, [*kept, f"{retired.text} until {size}"])
    before.unlink()
    return retired


def _public_half(file: Path) -> VerifierKey:
    from pandapack.contracts.tlog.note import SignerKey

    try:
        return SignerKey(log_origin(), bytes.fromhex(file.read_text().strip())).verifier
    except (OSError, ValueError) as error:
        raise DataRefused(f"{file} holds no key of {SIGNING_KEY_BYTES} bytes in hex", MEND) from error


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _write(file: Path, lines: list[str]) -> None:
    """Public, and replaced as a whole."""
    fresh = file.with_suffix(".new")
    fresh.write_text("\n".join(lines) + "\n")
    fresh.replace(file)
