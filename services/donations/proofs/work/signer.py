"""The installation's own key, which signs receipts as a whole."""

from __future__ import annotations

from pathlib import Path

import structlog

from pandapack.contracts.proof import Signer
from pandapack.runtime.errors import Misconfigured

log = structlog.get_logger(__name__)


def signer_of(key: str, file: Path | None) -> Signer | None:
    """The signer by its private key (hex), itself or in a file; None where there is none. Raises Misconfigured."""
    try:
        text = key or (file.read_text() if file else "")
        if not text:
            log.warning("receipts_not_signed", reason="PANDA_SIGNING_KEY_FILE is not set")
        return Signer(text) if text else None
    except (OSError, ValueError) as error:
        raise Misconfigured(f"the key that signs receipts is not 32 bytes in hex: {type(error).__name__}") from error
