"""A record of `donations.pushed`: what one push has for one shard.

The key and the partition are the shard. The value is columns of donations (`contracts.pushed_columns`, which its first
two bytes name); or NDJSON where the header `kind` says so: a reversal a line, untouched. The header `push` names the
push, `platform` whose it is: rows have the platform's own names for its merchants, and the ledger has them scoped
(`contracts.donations.scoped`). A record without a platform is no push's. The header `lines` tells which lines of the
push they are (`contracts.pushed_lines`), `traceparent` the trace that the push is part of (W3C Trace Context).
"""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.contracts.donations import is_platform

PUSHED = "donations.pushed"
"""The topic; the real name has the installation's namespace before it."""
PUSH_HEADER = "push"
PLATFORM_HEADER = "platform"
LINES_HEADER = "lines"
KIND_HEADER = "kind"
TRACE_HEADER = "traceparent"
REVERSAL_KIND = b"reversal"

Headers = Iterable[tuple[str, bytes]]


def headers_of(
    push_id: str,
    platform: str,
    *,
    are_reversals: bool = False,
    lines: bytes | None = None,
    traceparent: str | None = None,
) -> list[tuple[str, bytes]]:
    """The headers of a push's record. `platform`: the id of the platform whose lines they are.

    `lines`: which lines of the push they are, packed; None where that is not known. `traceparent`: as the push had it.
    """
    headers = [(PUSH_HEADER, push_id.encode()), (PLATFORM_HEADER, platform.encode())]
    if lines is not None:
        headers.append((LINES_HEADER, lines))
    if traceparent is not None:
        headers.append((TRACE_HEADER, traceparent.encode()))
    return [*headers, (KIND_HEADER, REVERSAL_KIND)] if are_reversals else headers


def header_text(headers: Headers, name: str) -> str:
    """A header's text, or an empty one. Never raises: others may write to the topic, and headers be null or no text."""
    found = next((text for key, text in headers if key == name and text), b"")
    return found.decode(errors="replace")


def packed_lines_of(headers: Headers) -> bytes | None:
    """Which lines of its push a record has, packed; None where it does not tell."""
    return next((packed or b"" for key, packed in headers if key == LINES_HEADER), None)


def platform_of(headers: Headers) -> str:
    """The id of the platform whose lines a record has; empty where it names none, or what can be none."""
    text = header_text(headers, PLATFORM_HEADER)
    return text if is_platform(text) else ""


def holds_reversals(headers: Headers) -> bool:
    """Whether a record holds reversals instead of donations."""
    return header_text(headers, KIND_HEADER) == REVERSAL_KIND.decode()
