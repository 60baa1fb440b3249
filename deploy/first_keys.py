"""Makes what docker-compose.yml needs and no repository may hold: first keys and secrets.

Run by `make secrets`. All of it lies in `deploy/secrets/`, whose owner alone can enter it: `keys.json` has the keys
(yours), `keys-digests.json` their digests, `trust.json` the public keys whose events are believed, and a file a secret
is what a container gets to see, in its memory's file system and not in its environment. Containers run as nobody of
this machine, so the files are their group's to read, and `.env` says which group that is. What is there stays.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pandapack.contracts.event_keys import SIGNERS
from pandapack.local.event_keys import ensure_event_keys, event_key_file
from pandapack.local.keys import (
    DIGESTS_FILE,
    KEYS_FILE,
    OPERATOR_ROLE,
    SECRETS_KEY_FILE,
    SERVICE_ROLE,
    ensure_door_keys,
    ensure_keys,
    ensure_log_key,
    ensure_log_secret,
    ensure_password,
    ensure_secrets_key,
    ensure_signing_key,
)
from pandapack.local.private import make_private_folder, write_private

SERVICE_KEY_FILE = "service_key"
OPERATOR_KEY_FILE = "operator_key"
GRAFANA_PASSWORD_FILE = "grafana_password"
GROUP = "PANDA_SECRETS_GROUP"
OWN_GROUP_READS = 0o640
"""The group is let in by compose (`group_add`); nobody else of this machine gets into the folder."""
OWNER_ENTERS = 0o700


def main(root: Path) -> None:
    """`root` is the repository's folder, where docker compose looks for `.env`."""
    secrets_dir, env_file = root / "deploy" / "secrets", root / ".env"
    make_private_folder(secrets_dir)
    secrets_dir.chmod(OWNER_ENTERS)
    keys = ensure_keys(secrets_dir)
    trust_file = ensure_event_keys(secrets_dir)
    ensure_secrets_key(secrets_dir)
    _ensure_text(secrets_dir / SERVICE_KEY_FILE, keys[SERVICE_ROLE])
    _ensure_text(secrets_dir / OPERATOR_KEY_FILE, keys[OPERATOR_ROLE])
    shown = [
        trust_file,
        ensure_signing_key(secrets_dir),
        ensure_door_keys(secrets_dir),
        ensure_log_key(secrets_dir),
        ensure_log_secret(secrets_dir),
        *(event_key_file(secrets_dir, service) for service in SIGNERS),
        *(secrets_dir / name for name in (DIGESTS_FILE, SECRETS_KEY_FILE, SERVICE_KEY_FILE, OPERATOR_KEY_FILE)),
        ensure_password(secrets_dir, GRAFANA_PASSWORD_FILE),
    ]
    for file in shown:
        file.chmod(OWN_GROUP_READS)
    _note_group(env_file, secrets_dir.stat().st_gid)
    sys.stdout.write(f"keys: {secrets_dir / KEYS_FILE}\ncompose's settings: {env_file}\n")


def _ensure_text(file: Path, text: str) -> None:
    if not file.exists():
        write_private(file, text + "\n")


def _note_group(env_file: Path, group: int) -> None:
    existing = env_file.read_text() if env_file.exists() else ""
    if any(line.startswith(f"{GROUP}=") for line in existing.splitlines()):
        return
    ends = existing.endswith("\n") or not existing
    write_private(env_file, (existing if ends else existing + "\n") + f"{GROUP}={group}\n")


if __name__ == "__main__":
    main(Path(__file__).parent.parent)
