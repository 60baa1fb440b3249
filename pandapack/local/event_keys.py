"""The keys of an embedded stack that sign events: a private one a service, and the list of those believed."""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from pathlib import Path

import msgspec

from pandapack.contracts.event_keys import SIGNERS, EventSigner, TrustedKey, TrustList
from pandapack.local.errors import DataRefused
from pandapack.local.private import make_private_folder, write_private

TRUST_FILE = "trust.json"
FOLDER = "event_keys"
KEY_BYTES = 32
MEND = (
    "Put it back from a backup. Without one start in an empty folder: what was signed with a lost key is believed as "
    "long as the trust file lists its public half"
)


def event_key_file(data_dir: Path, service: str) -> Path:
    """Where a service's private key lies that signs its events."""
    return data_dir / FOLDER / service


def ensure_event_keys(data_dir: Path) -> Path:
    """The trust file; makes it, and the private keys of all who sign (mode 0600, hex), where they are missing.

    Raises DataRefused for a key or a trust file that cannot be read.
    """
    make_private_folder(data_dir / FOLDER)
    file = data_dir / TRUST_FILE
    listed = _trust_list(file)
    known = {key.id for key in listed.keys}
    missing = [key for key in (_public_half(data_dir, service) for service in SIGNERS) if key.id not in known]
    if missing:
        _write(file, [*listed.keys, *missing])
    return file


def rotate_event_key(data_dir: Path, service: str, retires: datetime) -> str:
    """A new key for a service, believed from now on; the one before is until `retires`. Answers the new key's id.

    The service signs with it from its next start on, which must come before that. Raises DataRefused.
    """
    file = ensure_event_keys(data_dir)
    before, listed = _public_half(data_dir, service), _trust_list(file)
    write_private(event_key_file(data_dir, service), secrets.token_hex(KEY_BYTES) + "\n")
    new = _public_half(data_dir, service)
    kept = [msgspec.structs.replace(key, retired=retires) if key.id == before.id else key for key in listed.keys]
    _write(file, [*kept, new])
    return new.id


def _trust_list(file: Path) -> TrustList:
    if not file.exists():
        return TrustList()
    try:
        return msgspec.json.decode(file.read_bytes(), type=TrustList)
    except (OSError, msgspec.DecodeError) as error:
        raise DataRefused(f"{file} is no list of trusted keys: {error}", MEND) from error


def _public_half(data_dir: Path, service: str) -> TrustedKey:
    """Of a service's key, which is made if missing."""
    file = event_key_file(data_dir, service)
    if not file.exists():
        write_private(file, secrets.token_hex(KEY_BYTES) + "\n")
    try:
        return EventSigner(service, file.read_text()).trusted
    except (OSError, ValueError) as error:
        raise DataRefused(f"{file} holds no key of {KEY_BYTES} bytes in hex", MEND) from error


def _write(file: Path, keys: list[TrustedKey]) -> None:
    """Indented, for people: a key is compared by eye, too."""
    text = msgspec.json.encode(TrustList(tuple(keys)))
    write_private(file, json.dumps(json.loads(text), indent=2) + "\n")
