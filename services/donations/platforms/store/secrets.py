"""Signing secrets at rest: encrypted with a key that is not in the database (AES-256-GCM, bound to their platform).

A secret must be readable to check a signature, so a digest will not do. Without PANDA_SECRETS_KEY secrets are kept as
they are, which is right for one machine's embedded stack and nowhere else; the log says so.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pandapack.runtime.chance import Chance
from pandapack.runtime.errors import Misconfigured

ENCRYPTED, PLAIN = "aes-256-gcm", "plain"
NONCE_BYTES = 12
KEY_CHARACTERS_MIN = 32


class SecretSealer:
    """Seals secrets and opens them. `key`: the setting, full of entropy; empty for none."""

    def __init__(self, key: str, chance: Chance) -> None:
        if key and len(key) < KEY_CHARACTERS_MIN:
            raise Misconfigured(f"PANDA_SECRETS_KEY has {KEY_CHARACTERS_MIN} characters or more, drawn by chance")
        self._chance = chance
        # A key of full entropy needs no slow derivation, only its own use: another one may be derived from it later.
        self._cipher = AESGCM(hashlib.sha256(b"panda-signing-secrets/1\n" + key.encode()).digest()) if key else None

    @property
    def is_encrypting(self) -> bool:
        """Whether secrets are encrypted at rest."""
        return self._cipher is not None

    def seal(self, secret: bytes, owner: str) -> str:
        """`scheme:base64`, to be opened for the same owner only."""
        if self._cipher is None:
            return f"{PLAIN}:{base64.b64encode(secret).decode()}"
        nonce = hashlib.sha256(self._chance.token().encode()).digest()[:NONCE_BYTES]
        return f"{ENCRYPTED}:{base64.b64encode(nonce + self._cipher.encrypt(nonce, secret, owner.encode())).decode()}"

    def open(self, sealed: str, owner: str) -> bytes:
        """The secret. Raises Misconfigured where the key is not the one that sealed it."""
        scheme, _, text = sealed.partition(":")
        raw = base64.b64decode(text)
        if scheme == PLAIN:
            return raw
        if scheme != ENCRYPTED or self._cipher is None:
            raise Misconfigured(f"a signing secret of {owner} is sealed by {scheme}: set PANDA_SECRETS_KEY again")
        try:
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], owner.encode())
        except InvalidTag as error:
            raise Misconfigured(f"PANDA_SECRETS_KEY does not open a signing secret of {owner}: set it back") from error
