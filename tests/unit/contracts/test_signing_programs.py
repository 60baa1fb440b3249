"""The programs of docs/signing sign as we do, each in its language, wherever that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pandapack.contracts.signing import secret_bytes, sign

PROGRAMS = Path(__file__).parents[3] / "docs" / "signing"
ID, TIMESTAMP = "orders-0001", "1636560000"
BODY = '{"id": "order-1", "merchant": "店铺"}\n'.encode()
SECRET = "whsec_bm90IGEgc2VjcmV0LCBhbiBleGFtcGxl"
SIGNATURE = "v1,e1QrTA0J4rUZaEV63Lo8sqx13XDy/OaJLt9UvvSVlEQ="
"""By openssl: printf '%s.%s.' ID TIMESTAMP | cat - body | openssl dgst -sha256 -hmac 'not a secret, an example'."""
LANGUAGES = {"sign.py": (sys.executable,), "Sign.java": ("java",), "sign.mjs": ("node",), "sign.go": ("go", "run")}
RUN_S_MAX = 300


def test_the_known_signature_is_ours() -> None:
    assert sign(secret_bytes(SECRET), ID, TIMESTAMP, BODY) == SIGNATURE


@pytest.mark.parametrize("program", LANGUAGES)
def test_a_program_prints_the_headers_of_the_known_signature(program: str, tmp_path: Path) -> None:
    runner, *arguments = LANGUAGES[program]
    if shutil.which(runner) is None:
        pytest.skip(f"there is no {runner} here")
    body = tmp_path / "body.ndjson"
    body.write_bytes(BODY)
    env = {**os.environ, "PANDA_SIGNING_SECRET": SECRET}
    done = subprocess.run(
        [runner, *arguments, str(PROGRAMS / program), str(body), ID, TIMESTAMP],
        env=env,
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    expected = [f"webhook-id: {ID}", f"webhook-timestamp: {TIMESTAMP}", f"webhook-signature: {SIGNATURE}"]
    assert done.stdout.splitlines() == expected, done.stderr
