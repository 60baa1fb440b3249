"""Bodies that nest too deeply are refused alike by the other services."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.service.running import running
from tests.stack import Servers

DEEP = b'{"role": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"


@pytest.mark.parametrize("name", ["procurement", "logistics", "reporting"])
def test_a_body_that_nests_too_deeply_is_refused_by_name(
    stack: Servers, namespace: str, tmp_path: Path, name: str
) -> None:
    with running(name, stack, namespace, tmp_path) as service:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {service.keys['operator']}"}
        answer = httpx.post(f"{service.url}/v1/keys", content=DEEP, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (422, "nested_too_deeply")
