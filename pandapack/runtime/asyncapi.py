"""The AsyncAPI 3.0 description of what a service hears and says, made from the contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pandapack.contracts.envelope import CONTENT_TYPE, known_types

CHANNELS = {"donations.events": "donations.", "procurement.events": "procurement.", "logistics.events": "logistics."}
"""A topic's events are those whose type begins so."""


def describe(
    title: str, version: str, description: str, *, hears: Sequence[str], says: str | None, servers: Mapping[str, str]
) -> dict[str, Any]:
    """The document: a channel a topic, an operation a direction, a message an event type."""
    topics = sorted({*hears, *([says] if says else [])})
    messages = {topic: _messages(topic) for topic in topics}
    operations = {f"hear {topic}": _operation("receive", topic) for topic in hears}
    if says:
        operations[f"say {says}"] = _operation("send", says)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": version, "description": description},
        "defaultContentType": CONTENT_TYPE,
        "servers": {name: {"host": host, "protocol": "kafka"} for name, host in servers.items()},
        "channels": {topic: {"address": topic, "messages": messages[topic]} for topic in topics},
        "operations": operations,
    }


def _operation(action: str, topic: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{topic}"}}


def _messages(topic: str) -> dict[str, Any]:
    prefix = CHANNELS.get(topic)
    if prefix is None:
        return {"lines": {"contentType": "application/x-ndjson", "summary": "untouched lines of a push"}}
    return {
        name: {"name": name, "summary": (event.__doc__ or "").split("\n")[0], "payload": event.model_json_schema()}
        for name, event in sorted(known_types().items())
        if name.startswith(prefix)
    }
