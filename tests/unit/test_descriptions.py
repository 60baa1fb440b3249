"""The OpenAPI of all four services says everything: summaries, schemas, examples that fit them, and refusals."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
import pytest

from pandapack.runtime.http import PROBLEM_TYPE
from pandapack.runtime.openapi_examples import SIGNED

SERVICES = ("donations", "procurement", "logistics", "reporting")
SUMMARY_WORDS_MIN = 3
PUSHES = ("POST /v1/donations", "POST /v1/reversals", "POST /v1/settlements")
OF_NOTHING = ({}, {"type": "object"}, {"type": "object", "additionalProperties": True})
"""Schemas that say nothing, whatever their title."""

Json = dict[str, Any]


@cache
def description(service: str) -> Json:
    described: Json = importlib.import_module(f"services.{service}.app").create_app().openapi()
    return described


def operations(service: str) -> Iterator[tuple[str, Json]]:
    for path, item in description(service)["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def contents(operation: Json) -> Iterator[tuple[str, Json]]:
    """Everything that is sent or answered: what it is, and its schema with its example."""
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"request {media}", content
    for status, answer in operation["responses"].items():
        for media, content in answer.get("content", {}).items():
            yield f"{status} {media}", content


def misfits(service: str, schema: Json, example: object) -> list[str]:
    whole = {**schema, "components": description(service)["components"]}
    return [error.message for error in jsonschema_rs.validator_for(whole).iter_errors(example)]


EVERY = [pytest.param(service, id=service) for service in SERVICES]


@pytest.mark.parametrize("service", EVERY)
def test_every_operation_has_a_speaking_summary_a_text_and_a_described_tag(service: str) -> None:
    tags = {tag["name"]: tag["description"] for tag in description(service)["tags"]}
    for name, operation in operations(service):
        assert len(operation["summary"].split()) >= SUMMARY_WORDS_MIN, name
        assert operation["description"], name
        assert all(tags.get(tag) for tag in operation["tags"]), (name, operation["tags"])


@pytest.mark.parametrize("service", EVERY)
def test_every_request_and_every_answer_has_a_schema_and_an_example_that_fits_it(service: str) -> None:
    wrong = []
    for name, operation in operations(service):
        for what, content in contents(operation):
            schema = {key: value for key, value in content.get("schema", {}).items() if key != "title"}
            if schema in OF_NOTHING:
                wrong.append(f"{name} {what}: no schema")
            elif "example" not in content:
                wrong.append(f"{name} {what}: no example")
            else:
                wrong += [f"{name} {what}: {why}" for why in misfits(service, schema, content["example"])]
    assert wrong == [], "openapi.json of the service has them, a line each (pandapack/runtime/openapi_examples.py)"


@pytest.mark.parametrize("service", EVERY)
def test_every_example_of_a_parameter_fits_it(service: str) -> None:
    for name, operation in operations(service):
        for one in operation.get("parameters", ()):
            if one["in"] == "path":
                assert "example" in one, (name, one["name"])
            if "example" in one:
                assert misfits(service, one["schema"], one["example"]) == [], (name, one)


@pytest.mark.parametrize("service", EVERY)
def test_every_operation_tells_how_it_refuses(service: str) -> None:
    for name, operation in operations(service):
        refusals = {status for status in operation["responses"] if not status.startswith("2")}
        assert {"4XX", "5XX"} <= refusals, name
        for status in refusals:
            example = operation["responses"][status]["content"][PROBLEM_TYPE]["example"]
            assert example["type"] == f"/problems/{example['code']}", (name, status)
            assert str(example["status"])[0] == status[0], (name, status)


@pytest.mark.parametrize("service", EVERY)
def test_nothing_is_described_that_is_not_there(service: str) -> None:
    completes = json.loads(importlib.import_module(f"services.{service}.app").DESCRIBED.read_text())
    assert set(completes["operations"]) <= {name for name, _ in operations(service)}


def test_what_platforms_push_may_be_signed_and_named() -> None:
    every = dict(operations("donations"))
    for name in PUSHES:
        headers = {one["name"] for one in every[name]["parameters"] if one["in"] == "header"}
        assert headers >= {one["name"] for one in SIGNED}, name
