"""The first keys of an embedded stack: one secret per role, made on first start.

A key looks like `panda_<role>_<prefix>_<secret>`. Services only ever see `keys-digests.json`; the secrets lie
in `keys.json`, readable by its owner alone, for the simulator and for whoever sits at this machine.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from pandapack.local.errors import DataRefused
from pandapack.local.private import make_private_folder, write_private

if TYPE_CHECKING:  # with it come numpy and pydantic: imported once a signing key is read, not by every command
    from pandapack.contracts.proof import Signer

ROLES = ("platform", "buyer", "treasurer", "supplier", "warehouse", "carrier", "school", "auditor", "operator")
# The services read each other with this one.
SERVICE_ROLE = "auditor"
PLATFORM_ROLE, OPERATOR_ROLE = "platform", "operator"
PLATFORM_TEST = "platform_test"
"""The platform's key for tests: what comes with it touches nothing that counts."""
NAMES = (*ROLES, PLATFORM_TEST)
KEYS_FILE = "keys.json"
DIGESTS_FILE = "keys-digests.json"
SECRETS_KEY_FILE = "secrets_key"
SIGNING_KEY_FILE = "signing_key"
LOG_KEY_FILE = "log_key"
LOG_PUBLIC_KEYS_FILE = "log_keys.pub"
LOG_SECRET_FILE = "log_secret"
DOOR_KEYS_FILE = "door_keys"
SIGNING_PUBLIC_KEY_FILE = "signing_key.pub"
PREFIX_BYTES = 4
SECRET_BYTES = 16
STORED_SECRET_BYTES = 32
SIGNING_KEY_BYTES = 32
SIGNING_KEY_MEND = (
    f"Put it back from a backup. Without one delete {SIGNING_KEY_FILE} and {SIGNING_PUBLIC_KEY_FILE}: a new pair is "
    "made, and receipts signed so far are checked with the public key that their holders have"
)


def ensure_keys(data_dir: Path, platform: str = "") -> dict[str, str]:
    """The secrets as {role: key}; makes `keys.json` (mode 0600) and `keys-digests.json` if missing.

    Beside those of the roles there is the platform's for tests, `platform_test`. The digests are a list of {prefix,
    role, digest, name}; digest is the sha256 of the whole key, in hex. The platform's have an `owner`, too: the id of
    the `platform` whose they are, where one is named; the one for tests has `mode`.
    """
    make_private_folder(data_dir)
    keys_file = data_dir / KEYS_FILE
    keys: dict[str, str] = json.loads(keys_file.read_text()) if keys_file.exists() else {}
    missing = [name for name in NAMES if name not in keys]
    if missing:
        keys |= {name: new_key(name) for name in missing}
        write_private(keys_file, json.dumps(keys, indent=2) + "\n")
    owners = dict.fromkeys((PLATFORM_ROLE, PLATFORM_TEST), platform) if platform else {}
    digests = [_digest_row(name, keys[name], owners.get(name)) for name in NAMES]
    write_private(data_dir / DIGESTS_FILE, json.dumps(digests, indent=2) + "\n")
    return keys


def ensure_secrets_key(data_dir: Path) -> str:
    """The key under which platforms' signing secrets lie in the database; made in `secrets_key` (0600) if missing."""
    return _ensure_secret(data_dir, SECRETS_KEY_FILE)


def ensure_password(data_dir: Path, name: str) -> Path:
    """The file of that name with a password for people, drawn by chance (mode 0600); made if missing."""
    _ensure_secret(data_dir, name)
    return data_dir / name


def _ensure_secret(data_dir: Path, name: str) -> str:
    make_private_folder(data_dir)
    file = data_dir / name
    if not file.exists():
        write_private(file, secrets.token_hex(STORED_SECRET_BYTES))
    return file.read_text().strip()


def ensure_signing_key(data_dir: Path) -> Path:
    """The file with the private key that signs receipts of the first form, in hex (mode 0600); made if missing.

    Its public half lies beside it, in `signing_key.pub`: what a receipt's holder needs to check it. Raises DataRefused
    for a file that is there but holds no key.
    """
    make_private_folder(data_dir)
    file, public = data_dir / SIGNING_KEY_FILE, data_dir / SIGNING_PUBLIC_KEY_FILE
    if not file.exists():
        write_private(file, secrets.token_hex(SIGNING_KEY_BYTES) + "\n")
    signer = read_signing_key(file)
    if not public.exists():
        public.write_text(signer.public + "\n")
    return file


def ensure_door_keys(data_dir: Path) -> Path:
    """The file with what the door marks records with, in hex (mode 0600); made if missing."""
    _ensure_secret(data_dir, DOOR_KEYS_FILE)
    return data_dir / DOOR_KEYS_FILE


def ensure_log_key(data_dir: Path) -> Path:
    """The file with the private key that signs the public log's checkpoints, in hex (mode 0600); made if missing."""
    _ensure_secret(data_dir, LOG_KEY_FILE)
    return data_dir / LOG_KEY_FILE


def ensure_log_secret(data_dir: Path) -> Path:
    """The file with the secret behind the public log's hashes, in hex (mode 0600); made if missing.

    It never changes: without it no private event can be matched with its public entry any more.
    """
    _ensure_secret(data_dir, LOG_SECRET_FILE)
    return data_dir / LOG_SECRET_FILE


def read_signing_key(file: Path) -> Signer:
    """The signer of this file. Raises DataRefused where it cannot be read or holds no key."""
    from pandapack.contracts.proof import Signer

    try:
        return Signer(file.read_text())
    except OSError as error:
        raise DataRefused(f"{file} cannot be read: {error.strerror}", f"Make it yours: chmod 600 {file}") from error
    except ValueError as error:  # not hex, not 32 bytes, or no text at all
        raise DataRefused(f"{file} holds no key of {SIGNING_KEY_BYTES} bytes in hex", SIGNING_KEY_MEND) from error


def new_key(role: str) -> str:
    """A key of this role (or `platform_test`), drawn from the system's chance."""
    return f"panda_{role}_{secrets.token_hex(PREFIX_BYTES)}_{secrets.token_hex(SECRET_BYTES)}"


def _digest_row(name: str, key: str, owner: str | None) -> dict[str, str]:
    is_test = name == PLATFORM_TEST
    row = {
        "prefix": key.split("_")[-2],
        "role": PLATFORM_ROLE if is_test else name,
        "digest": hashlib.sha256(key.encode()).hexdigest(),
        "name": f"embedded {name}",
    }
    row |= {"mode": "test"} if is_test else {}
    return {**row, "owner": owner} if owner else row
