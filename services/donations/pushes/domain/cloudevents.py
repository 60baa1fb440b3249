"""Donations that come as CloudEvents: the envelope is checked and taken off, its data is read like any other line.

Source: CloudEvents 1.0.2, JSON format (structured and batched) and HTTP binding (binary).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pandapack.contracts.nesting import is_nested_too_deeply
from pandapack.contracts.strict_json import read_strictly
from services.donations.pushes.domain.push_lines import PushLines
from services.donations.validation.domain.failures import Failure, duplicate_key, nested_too_deeply, why_no_json
from services.donations.validation.domain.text_lines import TextLines

SPECVERSION = "1.0"
ATTRIBUTES = ("id", "source", "type")
DATA_POINTER = "/data"


class _Envelope(msgspec.Struct):
    """As much as we want of one. Attributes that are missing are named one by one, so all may be."""

    specversion: object = None
    id: object = None
    source: object = None
    type: object = None
    data: msgspec.Raw = msgspec.Raw()
    data_base64: object = None


_decoder = msgspec.json.Decoder(_Envelope)


def unwrapped(events: Sequence[bytes]) -> PushLines:
    """Takes the donations out of their envelopes."""
    raws: list[bytes] = []
    indexes: list[int] = []
    failures: list[Failure] = []
    for index, event in enumerate(events):
        found = _data_of(index, event)
        if isinstance(found, Failure):
            failures.append(found)
        else:
            raws.append(found)
            indexes.append(index)
    return PushLines(TextLines(*raws), indexes, failures, DATA_POINTER)


def _data_of(index: int, event: bytes) -> bytes | Failure:
    if is_nested_too_deeply(event):
        return nested_too_deeply(index)
    try:
        envelope = _decoder.decode(event)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        en, zh = why_no_json(str(error))
        return Failure(index, "", "event_invalid", f"this is no CloudEvent: {en}", f"这不是一个 CloudEvent：{zh}")
    read = read_strictly(event)
    if read is not None and read.duplicate is not None:
        return duplicate_key(index, read.duplicate)
    given = {name: getattr(envelope, name) for name in ("specversion", *ATTRIBUTES)}
    wrong = attribute_failure(index, given)
    if wrong is not None:
        return wrong
    if envelope.data_base64 is not None:
        detail = "data_base64 is not taken: send the donation as JSON in data"
        return Failure(index, "/data_base64", "event_invalid", detail, "不接受 data_base64：请将捐赠以 JSON 放入 data")
    data = bytes(envelope.data)
    if not data:
        return Failure(index, DATA_POINTER, "missing", "data is missing", "缺少 data")
    return data.replace(b"\n", b" ").replace(b"\r", b" ")


def attribute_failure(index: int, given: Mapping[str, object]) -> Failure | None:
    """The first required attribute that is missing or not what it should be."""
    if given.get("specversion") != SPECVERSION:
        detail, chinese = f"specversion must be {SPECVERSION}", f"specversion 必须为 {SPECVERSION}"
        return Failure(index, "/specversion", "event_invalid", detail, chinese)
    for name in ATTRIBUTES:
        value = given.get(name)
        if not isinstance(value, str) or not value:
            detail, chinese = f"{name} must be a text that is not empty", f"{name} 必须为非空文本"
            return Failure(index, f"/{name}", "event_invalid", detail, chinese)
    return None
