"""Makes what docker-compose.yml needs and no repository may hold: first keys and secrets.

Run by `make secrets`. In `deploy/secrets/`, `keys.json` has the keys (yours), `keys-digests.json` their digests,
for the containers, and `trust.json` the public keys whose events are believed; `.env` has what compose gives to the
services. What is there stays.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pandapack.contracts.event_keys import SIGNERS
from pandapack.local.event_keys import ensure_event_keys, event_key_file
from pandapack.local.keys import (
    DIGESTS_FILE,
    KEYS_FILE,
    SERVICE_ROLE,
    ensure_door_keys,
    ensure_keys,
    ensure_log_key,
    ensure_log_secret,
    ensure_secrets_key,
    ensure_signing_key,
)
from pandapack.local.private import write_private

# Digests and public keys are no secrets, and the services in their containers run as somebody else.
ALL_MAY_READ = 0o644


def main(root: Path) -> None:
    """`root` is the repository's folder, where docker compose looks for `.env`."""
    secrets_dir, env_file = root / "deploy" / "secrets", root / ".env"
    secrets_dir.mkdir(parents=True, exist_ok=True)  # the services in their containers look into it, too
    keys = ensure_keys(secrets_dir)
    (secrets_dir / DIGESTS_FILE).chmod(ALL_MAY_READ)
    existing = env_file.read_text() if env_file.exists() else ""
    trust_file = ensure_event_keys(secrets_dir)
    trust_file.chmod(ALL_MAY_READ)
    event_keys = {
        f"PANDA_{service.upper()}_EVENT_KEY": event_key_file(secrets_dir, service).read_text().strip()
        for service in SIGNERS
    }
    names = {line.partition("=")[0] for line in existing.splitlines()}
    needed = {
        "PANDA_SERVICE_KEY": keys[SERVICE_ROLE],
        "PANDA_SIGNING_KEY": ensure_signing_key(secrets_dir).read_text().strip(),
        "PANDA_SECRETS_KEY": ensure_secrets_key(secrets_dir),
        "PANDA_DOOR_KEYS": ensure_door_keys(secrets_dir).read_text().strip(),
        "PANDA_LOG_KEY": ensure_log_key(secrets_dir).read_text().strip(),
        "PANDA_LOG_SECRET": ensure_log_secret(secrets_dir).read_text().strip(),
        **event_keys,
    }
    missing = "".join(f"{name}={value}\n" for name, value in needed.items() if name not in names)
    if missing:
        ends = existing.endswith("\n") or not existing
        write_private(env_file, (existing if ends else existing + "\n") + missing)
    sys.stdout.write(f"keys: {secrets_dir / KEYS_FILE}\ncompose's settings: {env_file}\n")


if __name__ == "__main__":
    main(Path(__file__).parent.parent)
