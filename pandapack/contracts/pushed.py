"""A record of `donations.pushed`: the untouched lines of one push that live on one shard.

The key and the partition are the shard. The value is NDJSON: a donation a line, or a reversal a line where the header
`kind` says so. The header `push` names the push.
"""

from __future__ import annotations

from collections.abc import Iterable

PUSH_HEADER = "push"
KIND_HEADER = "kind"
REVERSAL_KIND = b"reversal"

Headers = Iterable[tuple[str, bytes]]


def headers_of(push_id: str, *, are_reversals: bool = False) -> list[tuple[str, bytes]]:
    """The headers of a push's records."""
    headers = [(PUSH_HEADER, push_id.encode())]
    return [*headers, (KIND_HEADER, REVERSAL_KIND)] if are_reversals else headers


def header_text(headers: Headers, name: str) -> str:
    """A header's text, or an empty one. Never raises: others may write to the topic, and headers be null or no text."""
    found = next((text for key, text in headers if key == name and text), b"")
    return found.decode(errors="replace")


def holds_reversals(headers: Headers) -> bool:
    """Whether a record holds reversals instead of donations."""
    return header_text(headers, KIND_HEADER) == REVERSAL_KIND.decode()
