"""Makes what docker-compose.yml needs and no repository may hold: first keys and the secret of the pages.

Run by `make secrets`. In `deploy/secrets/`, `keys.json` has the keys (yours to read), `keys-digests.json`
their digests, for the containers; `.env` has what compose gives to the services. What is there stays.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pandapack.local.keys import (
    DIGESTS_FILE,
    KEYS_FILE,
    SERVICE_ROLE,
    ensure_keys,
    ensure_page_secret,
    ensure_secrets_key,
    ensure_signing_key,
    write_private,
)

# Digests are no secrets, and the services in their containers run as somebody else.
ALL_MAY_READ = 0o644


def main(root: Path) -> None:
    """`root` is the repository's folder, where docker compose looks for `.env`."""
    secrets_dir, env_file = root / "deploy" / "secrets", root / ".env"
    keys = ensure_keys(secrets_dir)
    (secrets_dir / DIGESTS_FILE).chmod(ALL_MAY_READ)
    existing = env_file.read_text() if env_file.exists() else ""
    names = {line.partition("=")[0] for line in existing.splitlines()}
    needed = {
        "PANDA_PAGE_SECRET": ensure_page_secret(secrets_dir),
        "PANDA_SERVICE_KEY": keys[SERVICE_ROLE],
        "PANDA_SIGNING_KEY": ensure_signing_key(secrets_dir).read_text().strip(),
        "PANDA_SECRETS_KEY": ensure_secrets_key(secrets_dir),
    }
    missing = "".join(f"{name}={value}\n" for name, value in needed.items() if name not in names)
    if missing:
        ends = existing.endswith("\n") or not existing
        write_private(env_file, (existing if ends else existing + "\n") + missing)
    sys.stdout.write(f"keys: {secrets_dir / KEYS_FILE}\ncompose's settings: {env_file}\n")


if __name__ == "__main__":
    main(Path(__file__).parent.parent)
