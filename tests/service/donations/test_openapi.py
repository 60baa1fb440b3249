"""The description of the whole service is true: Schemathesis sends what it allows, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from pandapack.local.keys import ensure_signing_key
from tests.service.running import Running, running
from tests.stack import Servers, new_namespace

EXAMPLES_AN_OPERATION = 12
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
]
ANSWER_WAIT_S = 120
MUST_BE_SEEN = {
    GenerationMode.POSITIVE: {
        ("POST /v1/platforms", 201),
        ("POST /v1/keys", 201),
        ("GET /v1/merchants", 200),
        ("GET /v1/programmes", 200),
        ("GET /v1/reversals", 200),
        ("GET /v1/whoami", 200),
    },
    GenerationMode.NEGATIVE: {("POST /v1/merchants", 422), ("POST /v1/platforms", 422)},
}
"""Without these the whole would prove little: a test of what is refused at once tests only that refusal."""


@schemathesis.serializer("application/x-ndjson")
def ndjson(context: schemathesis.SerializationContext, value: object) -> bytes:
    """As it is: the description calls the body a string."""
    return str(value).encode(errors="replace")


@pytest.fixture(scope="module")
def service(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("openapi")
    settings = {
        "PANDA_SHARDS": "2",
        "PANDA_ACCEPT_DAYS": "36500",
        "PANDA_SIGNING_KEY_FILE": str(ensure_signing_key(folder)),
    }
    with running("donations", stack, new_namespace(), folder, settings) as service:
        yield service


@pytest.fixture(scope="module")
def description(service: Running) -> OpenApiSchema:
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_one_that_the_description_tells_of(
    service: Running, description: OpenApiSchema, mode: GenerationMode
) -> None:
    headers = {"Authorization": f"Bearer {service.keys['operator']}"}
    wrong: list[str] = []
    seen: set[tuple[str, int]] = set()
    for found in description.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES_AN_OPERATION,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: Case[Any]) -> None:
            response = case.call(headers=headers, timeout=ANSWER_WAIT_S)
            seen.add((case.operation.label, response.status_code))
            case.validate_response(response, checks=CHECKS)

        try:
            holds()
        except Unsatisfiable:
            continue  # nothing can be wrong with it: neither parameters nor a body
        except FailureGroup as error:
            wrong.append(f"{operation.label}: {error}")
    assert not wrong, "\n\n".join(wrong)
    assert seen >= MUST_BE_SEEN[mode]
