"""Bodies that nest too deeply are refused alike by the other services."""

from __future__ import annotations

import httpx
import pytest

from pandapack.local.stack import Stack
from tests.waiting import WAIT_S

DEEP = b'{"role": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"


@pytest.mark.parametrize("name", ["procurement", "logistics", "reporting"])
def test_a_body_that_nests_too_deeply_is_refused_by_name(whole: Stack, name: str) -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {whole.keys['operator']}"}
    url = f"{whole.addresses[name]}/v1/keys"
    answer = httpx.post(url, content=DEEP, headers=headers, trust_env=False, timeout=WAIT_S)
    assert (answer.status_code, answer.json()["code"]) == (422, "nested_too_deeply")
