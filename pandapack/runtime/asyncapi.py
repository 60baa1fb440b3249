"""The AsyncAPI 3.0 description of what a service consumes and publishes, made from the contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pandapack.contracts.envelope import CONTENT_TYPE, known_types

CHANNELS = {f"{name}.events": f"{name}." for name in ("donations", "procurement", "logistics", "reporting")}
"""A topic's events are those whose type begins so."""
RECORDS: dict[str, dict[str, Any]] = {
    "donations.pushed": {
        "rows": {
            "contentType": "application/octet-stream",
            "summary": "The donations of a push on one shard, as columns; or its reversals, a line each.",
        }
    },
    "dead-letters": {
        "row": {"contentType": "application/octet-stream", "summary": "A rejected row, where it came from, and why."}
    },
}
"""What topics without events of ours carry."""


def describe(
    title: str,
    version: str,
    description: str,
    *,
    consumes: Sequence[str],
    publishes: str | None,
    servers: Mapping[str, str],
) -> dict[str, Any]:
    """The document: a channel a topic, an operation a direction, a message an event type."""
    topics = sorted({*consumes, *([publishes] if publishes else [])})
    messages = {topic: _messages(topic) for topic in topics}
    operations = {f"consume {topic}": _operation("receive", topic) for topic in consumes}
    if publishes:
        operations[f"publish {publishes}"] = _operation("send", publishes)
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
        return RECORDS.get(topic, {})
    return {
        name: {"name": name, "summary": (event.__doc__ or "").split("\n")[0], "payload": event.model_json_schema()}
        for name, event in sorted(known_types().items())
        if name.startswith(prefix)
    }
