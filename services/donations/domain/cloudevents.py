"""Donations that come as CloudEvents: the envelope is checked and taken off, its data is read like any other line.

Source: CloudEvents 1.0.2, JSON format (structured and batched) and HTTP binding (binary).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from services.donations.domain.intake import Failure
from services.donations.domain.text import Text

SPECVERSION = "1.0"
ATTRIBUTES = ("id", "source", "type")
DATA_POINTER = "/data"


@dataclass(frozen=True, slots=True)
class Lines:
    """What a push holds. `text`: the donations; `places`: of each its place in the push, where they are not in order.

    `failures`: what is no envelope of a donation. `pointer`: where a donation lies within its place.
    """

    text: Text
    places: Sequence[int] | None = None
    failures: Sequence[Failure] = field(default_factory=tuple)
    pointer: str = ""

    def __len__(self) -> int:
        return len(self.text) + len(self.failures)

    def placed(self, failure: Failure) -> Failure:
        """A failure of a line of `text`, as one of the push."""
        if self.places is None:
            return failure
        pointer = self.pointer + failure.pointer
        return Failure(self.places[failure.index], pointer, failure.code, failure.en, failure.zh)


class _Envelope(msgspec.Struct):
    """As much as we want of one. Attributes that are missing are named one by one, so all may be."""

    specversion: object = None
    id: object = None
    source: object = None
    type: object = None
    data: msgspec.Raw = msgspec.Raw()
    data_base64: object = None


_decoder = msgspec.json.Decoder(_Envelope)


def opened(events: Sequence[bytes]) -> Lines:
    """Takes the donations out of their envelopes."""
    raws: list[bytes] = []
    places: list[int] = []
    failures: list[Failure] = []
    for index, event in enumerate(events):
        found = _data_of(index, event)
        if isinstance(found, Failure):
            failures.append(found)
        else:
            raws.append(found)
            places.append(index)
    return Lines(Text(*raws), places, failures, DATA_POINTER)


def _data_of(index: int, event: bytes) -> bytes | Failure:
    try:
        envelope = _decoder.decode(event)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Failure(index, "", "event_invalid", f"this is no CloudEvent: {error}", "这不是一个 CloudEvent")
    given = {name: getattr(envelope, name) for name in ("specversion", *ATTRIBUTES)}
    wrong = attribute_failure(index, given)
    if wrong is not None:
        return wrong
    if envelope.data_base64 is not None:
        words = "data_base64 is not taken: send the donation as JSON in data"
        return Failure(index, "/data_base64", "event_invalid", words, "不接受 data_base64: 请将捐赠以 JSON 放入 data")
    data = bytes(envelope.data)
    if not data:
        return Failure(index, DATA_POINTER, "missing", "data is missing", "缺少 data")
    return data.replace(b"\n", b" ").replace(b"\r", b" ")


def attribute_failure(index: int, given: Mapping[str, object]) -> Failure | None:
    """The first required attribute that is missing or not what it should be."""
    if given.get("specversion") != SPECVERSION:
        words, chinese = f"specversion must be {SPECVERSION}", f"specversion 必须为 {SPECVERSION}"
        return Failure(index, "/specversion", "event_invalid", words, chinese)
    for name in ATTRIBUTES:
        value = given.get(name)
        if not isinstance(value, str) or not value:
            words, chinese = f"{name} must be a text that is not empty", f"{name} 必须为非空文本"
            return Failure(index, f"/{name}", "event_invalid", words, chinese)
    return None
