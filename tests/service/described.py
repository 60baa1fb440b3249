"""What services answer in tests is held against what their OpenAPI says of it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

Json = dict[str, Any]
JSON_TYPES = ("application/json", "application/problem+json")


class Described:
    """One service's description, as it tells it itself."""

    def __init__(self, url: str) -> None:
        self._url = url

    def check(self, response: httpx.Response) -> None:
        """An answer of JSON is one that the description tells of; for `httpx`'s event hooks."""
        media = response.headers.get("content-type", "").partition(";")[0]
        found = self._operation(response.request)
        if media not in JSON_TYPES or found is None:
            return
        path, operation = found
        response.read()
        status, method = str(response.status_code), response.request.method
        place = f"{method} {path} {status}"
        told = [
            one for one in (status, f"{status[0]}XX") if media in operation["responses"].get(one, {}).get("content", {})
        ]
        assert told, f"{place}: {media} is not described"
        validator = _validator(self._url, path, method.lower(), told[0], media)
        wrong = [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(response.json())]
        assert not wrong, f"{place} does not fit its description: {wrong[:3]}; it is {response.text[:500]}"

    def _operation(self, request: httpx.Request) -> tuple[str, Json] | None:
        for path, pattern in _patterns(self._url):
            operation: Json | None = _description(self._url)["paths"][path].get(request.method.lower())
            if operation is not None and pattern.fullmatch(request.url.path):
                return path, operation
        return None


@cache
def _description(url: str) -> Json:
    described: Json = httpx.get(f"{url}/openapi.json", trust_env=False, timeout=120).json()
    return described


@cache
def _patterns(url: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Paths without parameters first: `/v1/roots/key` is no day."""
    paths = sorted(_description(url)["paths"], key=lambda path: (path.count("{"), path))
    return tuple((path, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))) for path in paths)


@cache
def _validator(url: str, path: str, method: str, status: str, media: str) -> Any:
    described = _description(url)
    schema = described["paths"][path][method]["responses"][status]["content"][media]["schema"]
    return jsonschema_rs.validator_for({**schema, "components": described["components"]})
