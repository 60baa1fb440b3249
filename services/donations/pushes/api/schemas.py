"""How pushes are answered, as OpenAPI tells it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from pandapack.contracts.donations import AMOUNT_FEN_MAX, NAME_PATTERN, Donation
from pandapack.runtime.http import JSON_TYPE, NDJSON_TYPES, PROBLEM_TYPE
from pandapack.runtime.openapi import problem
from services.donations.pushes.api.bodies import (
    BODY_BYTES_MAX,
    BODY_READ_S_MAX,
    EVENT,
    EVENTS,
    LINES_A_PUSH_MAX,
)
from services.donations.pushes.domain.cloudevents import SPECVERSION
from services.donations.pushes.domain.push import ANSWER_KEPT_H
from services.donations.validation.domain.failures import REASON_CHARACTERS_MAX


class Message(BaseModel):
    """The same in English and in Chinese."""

    en: str
    zh: str


class FailureView(BaseModel):
    """Why a line is refused. `index` counts the lines of the push from 0, `pointer` is a JSON pointer into the line."""

    index: int
    pointer: str
    code: str
    message: Message


FailuresMore = Annotated[
    int, Field(description="Lines that were refused, too, beside those in `failures`, which are the first: 0 for most.")
]


class PushAnswer(BaseModel):
    """What a push was answered. `test`: taken into the platform's test ledger, and never counted."""

    push_id: str
    accepted: int
    rejected: int
    test: bool
    failures: list[FailureView]
    failures_more: FailuresMore


class PushRefusal(PushAnswer):
    """Nothing was taken: a problem (RFC 9457) that names each line."""

    type: str
    title: str
    status: Literal[422]
    code: Literal["nothing_accepted", "not_all_accepted"]
    detail: str


class FirstView(BaseModel):
    """The one that counts. `page` and `row`: where it lies (`GET /v1/donations/…` shows it); a reversal has no row."""

    amount_fen: int
    programme: str
    page: str | None
    row: int | None
    at: str


class FindingView(BaseModel):
    """A row that was not counted: a duplicate, or a conflict with what was counted before.

    A reversal also: refused, or parked until its donation is known.
    """

    index: Annotated[
        int | None, Field(description="Its index in the push, from 0; null of a push from before indexes were kept.")
    ]
    kind: str
    merchant: str
    id: str
    day: Annotated[str | None, Field(description="Its day, in Asia/Shanghai; of a reversal its donation's.")]
    amount_fen: Annotated[int | None, Field(description="Its own amount; of a reversal what it asks for.")]
    first: Annotated[FirstView | None, Field(description="Of a duplicate or a conflict: the one that counts.")]
    left_fen: Annotated[
        int | None,
        Field(description="Of a refused or conflicting reversal: what is left of its donation, where that is known."),
    ]


class PushView(BaseModel):
    """What became of a push. `findings` are cut after a number of them; the counts are not.

    It is unfinished until it is answered, accepted when Kafka has all of it, judged when the ledger has decided its
    last line; lost where a shard had to resume without a record of it: push it again.
    """

    push_id: str
    at: str
    state: Literal["unfinished", "accepted", "judged", "lost"]
    accepted: int | None
    rejected: int | None
    test: bool | None
    failures: list[FailureView] | None
    failures_more: FailuresMore | None
    counted: Annotated[
        int | None,
        Field(
            description="Donations counted, or reversals taken. Null until the push is judged, and where it reached "
            "Kafka more than once, so that duplicates may be its own lines."
        ),
    ]
    duplicates: int
    conflicts: int
    refused: Annotated[int, Field(description="Reversals that the ledger refused: `GET /v1/reversals/…` says why.")]
    parked: Annotated[int, Field(description="Reversals that wait until their donation is known.")]
    findings: Annotated[list[FindingView], Field(description="The first of them, by index in the push.")]
    findings_truncated: Annotated[bool, Field(description="Whether there are more than are listed.")]
    ends: Annotated[
        dict[str, int] | None,
        Field(description="For staff: by shard, the offset of its last record. Null for a platform."),
    ]


class ListedPush(BaseModel):
    """A push as a list has it. `state` `refused`: nothing was taken, and `code` and `detail` say why.

    Whether a shard resumed without a part of it (`lost`) is looked at where one push is shown.
    """

    request_id: str | None
    push_id: str | None
    at: str
    status: Annotated[int | None, Field(description="What was answered; null of a push that is unfinished.")]
    code: str | None
    detail: str | None
    accepted: int | None
    rejected: int | None
    test: bool | None
    state: Literal["unfinished", "accepted", "judged", "refused"]
    signed: Annotated[
        dict[str, Any] | None, Field(description="Where the signature was wrong: what we signed, to compare with.")
    ]


class ListedPushes(BaseModel):
    """Pushes, newest first; `next` is what to send as `after` for those behind."""

    items: list[ListedPush]
    next: str | None


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON schema that stands alone, as a response in `openapi_extra` must."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def inlined(value: Any) -> Any:
        match value:
            case {"$ref": str(ref)}:
                return inlined(parts[ref.rpartition("/")[2]])
            case dict():
                return {key: inlined(one) for key, one in value.items()}
            case list():
                return [inlined(one) for one in value]
            case _:
                return value

    whole: dict[str, Any] = inlined(schema)
    return whole


_DONATION = _schema(Donation)
_EVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "data"],
    "properties": {
        "specversion": {"const": SPECVERSION},
        **{name: {"type": "string", "minLength": 1} for name in ("id", "source", "type")},
        "data": _DONATION,
    },
}

PUSH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"At most {LINES_A_PUSH_MAX} donations and {BODY_BYTES_MAX} bytes, gzip or none. A CloudEvent "
        "may also come in binary mode: application/json with the headers ce-specversion, ce-id, ce-source, ce-type.",
        "content": {
            JSON_TYPE: {"schema": {"oneOf": [_DONATION, {"type": "array", "minItems": 1, "items": _DONATION}]}},
            NDJSON_TYPES[0]: {"schema": {"type": "string", "description": "A donation a line."}},
            EVENT: {"schema": _EVENT},
            EVENTS: {"schema": {"type": "array", "minItems": 1, "items": _EVENT}},
        },
    },
}
_REVERSAL = {
    "type": "object",
    "required": ["reversal", "merchant", "donation", "day", "amount_fen", "at"],
    "properties": {
        **{name: {"type": "string", "pattern": NAME_PATTERN} for name in ("reversal", "merchant", "donation")},
        "day": {"type": "string", "format": "date"},
        "amount_fen": {"type": "integer", "exclusiveMinimum": 0, "maximum": AMOUNT_FEN_MAX},
        "at": {"type": "string", "format": "date-time"},
        "reason": {"type": "string", "maxLength": REASON_CHARACTERS_MAX},
    },
}
REVERSAL_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"At most {LINES_A_PUSH_MAX} reversals and {BODY_BYTES_MAX} bytes, gzip or none.",
        "content": {
            JSON_TYPE: {"schema": {"oneOf": [_REVERSAL, {"type": "array", "minItems": 1, "items": _REVERSAL}]}},
            NDJSON_TYPES[0]: {"schema": {"type": "string", "description": "A reversal a line."}},
        },
    },
}
PUSH_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {
        "model": PushAnswer | PushView,
        "description": "All accepted lines are with all replicas of Kafka; those of a test key are in the test ledger. "
        "With `wait` what became of the push by then.",
    },
    400: problem("The body cannot be read, or a header is wrong."),
    401: problem("The key is unknown, or the push is not signed as it should be; `signed` is then what we signed."),
    403: problem("The key may not push."),
    408: problem(f"The body was not here within {BODY_READ_S_MAX} s."),
    409: problem(
        f"The Idempotency-Key named another push within the last {ANSWER_KEPT_H} h; or reversals came under ids that "
        "took something else back, each named in `failures`."
    ),
    413: problem("Too many bytes or lines; `limit` says how many may come."),
    415: problem("The content type or encoding is not taken."),
    422: {
        "description": "Nothing was taken, and why, line by line; or a parameter does not fit.",
        "content": {
            PROBLEM_TYPE: {"schema": {"anyOf": [_schema(PushRefusal), problem("")["content"][PROBLEM_TYPE]["schema"]]}}
        },
    },
    429: problem("Slower: the platform's rate, or pushes of all platforms together.", retry=True),
    503: problem("Kafka or the store did not take it in time: push the same again, nothing counts twice.", retry=True),
}
