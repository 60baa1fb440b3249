"""Nothing unknown passes: a request says only what its route's own OpenAPI description knows, and says it once.

Frameworks pass over parameters and fields that they do not know, and take the last of two: a slip of the pen would be
answered as if nothing had been asked. Pages for people stand in no description, so they ignore what a link brings.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI, Request

from pandapack.contracts.strict_json import StrictJson, did_you_mean, escaped, nearest, read_strictly, shown
from pandapack.runtime.auth import optional_caller
from pandapack.runtime.http import JSON_TYPE, Problem

UNKNOWN_NAMED_MAX = 20
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_NAMES = re.compile(r"\{(\w+)\}")

Json = dict[str, Any]


class Strictness:
    """The dependency of every route that refuses what its description does not know.

    `streams`: paths whose bodies are read by their endpoints, which ask `refuse_unknown` or judge line by line.
    """

    def __init__(self, app: FastAPI, streams: frozenset[str]) -> None:
        self._app, self._streams = app, streams

    async def __call__(self, request: Request) -> None:
        """Raises Problem 422. Whoever needs a key and has none is not told what the route knows: 401 follows."""
        has_body = request.method in ("POST", "PUT", "PATCH") and request.url.path not in self._streams
        if not request.url.query and not has_body:
            return
        operation = self._operation(request)
        if operation is None or (operation.get("security") and await optional_caller(request) is None):
            return
        refuse_parameters(request, operation.get("parameters", ()))
        schema = _body_schema(operation)
        if has_body and schema is not None:
            components = self._app.openapi().get("components", {}).get("schemas", {})
            refuse_members(await request.body(), schema, components, "/body")

    def _operation(self, request: Request) -> Json | None:
        """The route's description; a route itself knows its path only behind the prefixes of its routers."""
        given, path = request.path_params, request.scope["path"]
        for template, methods in self._app.openapi()["paths"].items():
            if set(_NAMES.findall(template)) == given.keys() and template.format_map(given) == path:
                found: Json | None = methods.get(request.method.lower())
                return found
        return None


def _body_schema(operation: Mapping[str, Any]) -> Json | None:
    found: Json | None = operation.get("requestBody", {}).get("content", {}).get(JSON_TYPE, {}).get("schema")
    return found


def refuse_parameters(request: Request, described: Iterator[Json] | tuple[Json, ...] | list[Json]) -> None:
    """Raises Problem 422 for a query with a parameter that is not described, or stands twice where one is wanted."""
    wanted = {one["name"]: one["schema"] for one in described if one["in"] == "query"}
    given = Counter(name for name, _ in request.query_params.multi_items())
    known = tuple(sorted(wanted))
    unknown = [name for name in given if name not in wanted]
    if unknown:
        raise _unknown_parameter(request, unknown[0], known)
    for name, count in given.items():
        if count > 1 and not _takes_several(wanted[name]):
            en, zh = f"{name} stands {count} times in the query: send it once", f"查询参数 {name} 重复：请只写一次"
            raise _refusal("repeated_parameter", f"/query/{escaped(name)}", en, zh)


def _takes_several(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "array" or any(map(_takes_several, schema.get("anyOf", ())))


def _unknown_parameter(request: Request, name: str, known: tuple[str, ...]) -> Problem:
    en, zh = did_you_mean(nearest(name, known))
    takes = f"{request.url.path} takes {', '.join(known) or 'no parameter'}"
    takes_zh = f"{request.url.path} 可用的参数：{', '.join(known) or '无'}"
    detail = f"there is no parameter {shown(name)}{en or ':'} {takes}"
    detail_zh = f"没有查询参数 {shown(name)}{zh or '。'}{takes_zh}"
    return _refusal("unknown_parameter", f"/query/{escaped(name)}", detail, detail_zh, known=list(known))


def _refusal(code: str, pointer: str, en: str, zh: str, **more: object) -> Problem:
    errors = [{"pointer": pointer, "code": code, "detail": en}]
    return Problem(422, code, en, errors=errors, message={"en": en, "zh": zh}, **more)


def refuse_unknown(raw: bytes, schema: Json) -> None:
    """The same of a body that an endpoint reads itself: `schema` is its JSON schema, with its own `$defs`.

    Raises Problem 422. A body that is no JSON passes: its reader says why.
    """
    refuse_members(raw, schema, schema.get("$defs", {}), "")


def refuse_members(raw: bytes, schema: Json, components: Mapping[str, Json], at: str) -> None:
    """Raises Problem 422 for a body in which a name stands twice in an object, or one that no schema knows."""
    read = read_strictly(raw)
    if read is None:
        return
    _refuse_halves(raw, read.value, at)
    refuse_duplicate(read, at)
    found = list(_unknown(read.value, schema, components, at))[:UNKNOWN_NAMED_MAX]
    if not found:
        return
    errors, chinese = [], []
    for pointer, name, known in found:
        en, zh = did_you_mean(nearest(name, known))
        where = f"{pointer}/{escaped(name)}"
        errors.append({"pointer": where, "code": "unknown_field", "detail": f"{where} is not known{en}"})
        chinese.append(f"未知字段 {where}{zh}")
    detail = f"{'; '.join(one['detail'] for one in errors)}{'' if errors[0]['detail'][-1] == '?' else ':'}"
    detail += f" known there: {', '.join(found[0][2])}"
    message = {"en": detail, "zh": "; ".join(chinese)}
    raise Problem(422, "unknown_field", detail, errors=errors, message=message)


def _refuse_halves(raw: bytes, value: Any, at: str) -> None:
    """Raises Problem 422 for a text with half of a UTF-16 pair (`\\ud800`): no encoding has it, no store takes it."""
    if not _HALF.search(raw):
        return
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        en = r"a text in the body holds half of a UTF-16 pair, such as \ud800 alone: send whole characters"
        zh = r"正文中有不成对的 UTF-16 代理码（例如单独的 \ud800）：请发送完整字符"
        raise _refusal("text_unpaired", at, en, zh) from None


def refuse_duplicate(read: StrictJson, at: str) -> None:
    """Raises Problem 422 for a body in which a name stands twice in an object."""
    if read.duplicate is not None:
        where = at + read.duplicate
        en, zh = f"{where} stands twice in its object: send it once", f"字段 {where} 重复：请只写一次"
        raise _refusal("duplicate_key", where, en, zh)


Unknown = tuple[str, str, tuple[str, ...]]
"""The pointer of an object, a name in it that is not known, and the names that are."""


def _unknown(value: Any, schema: Json, components: Mapping[str, Json], at: str) -> Iterator[Unknown]:
    """What of a value its schema does not know. What is of another kind than the schema wants is its reader's."""
    schema = _resolved(schema, components)
    alternatives = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if alternatives:
        fitting = [one for one in alternatives if _is_of(value, _resolved(one, components))]
        judged = [list(_unknown(value, one, components, at)) for one in fitting]
        yield from min(judged, key=len, default=[])
    elif isinstance(value, dict) and "properties" in schema:
        known = tuple(schema["properties"])
        for name, one in value.items():
            if name in schema["properties"]:
                if isinstance(one, dict | list):  # nothing else holds names, and a body may have a million of them
                    yield from _unknown(one, schema["properties"][name], components, f"{at}/{escaped(name)}")
            else:
                yield at, name, known
    elif isinstance(value, dict) and isinstance(schema.get("additionalProperties"), dict):
        for name, one in value.items():
            yield from _unknown(one, schema["additionalProperties"], components, f"{at}/{escaped(name)}")
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, one in enumerate(value):
            yield from _unknown(one, schema["items"], components, f"{at}/{index}")


def _resolved(schema: Json, components: Mapping[str, Json]) -> Json:
    while "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    return schema


def _is_of(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is of the kind, object or array, that a schema describes."""
    wanted = schema.get("type")
    return isinstance(value, dict) == (wanted == "object") and isinstance(value, list) == (wanted == "array")
