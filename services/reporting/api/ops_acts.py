"""Which commands the operations page forwards, and how a form becomes their body.

The service that owns a thing decides, by the key of who is logged in: nothing is allowed here that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

Json = dict[str, Any]
SERVICES: Final = ("donations", "procurement", "logistics", "reporting")
TOPIC = r"[a-z]+(?:[.-][a-z]+)*"
ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"
FIELD_CHARACTERS_MAX = 65_536
"""The longest line of a dead letter."""
FIELDS_MAX = 600
"""Of a form: a page of addresses, and a few beside."""


class Form(StrEnum):
    """How a form's field becomes JSON."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    LIST = "list"
    LINES = "lines"  # `edited`: a line for each of `addresses`, in their order; those left empty are as they were


@dataclass(frozen=True, slots=True)
class OperatorCommand:
    """A command that is forwarded: of which services, at which path, with which fields of its form."""

    name: str
    services: Sequence[str]
    path: str
    fields: Mapping[str, Form] = field(default_factory=dict)
    method: str = "POST"


_REASON = {"reason": Form.TEXT}
_SELECTION = {"addresses": Form.LIST, "group": Form.TEXT, "cause": Form.TEXT, "sender": Form.TEXT}
_PREVIEW = {**_SELECTION, "edited": Form.LINES, "platform": Form.TEXT}
_REPLAY = {**_PREVIEW, **_REASON, "rate_rows_per_s": Form.NUMBER, "cap_rows": Form.NUMBER, "dry_run": Form.FLAG}

COMMANDS: Final[Sequence[OperatorCommand]] = (
    OperatorCommand("retry", SERVICES, rf"v1/partitions/{TOPIC}/[0-9]{{1,4}}/retry"),
    OperatorCommand(
        "set_aside",
        SERVICES,
        rf"v1/partitions/{TOPIC}/[0-9]{{1,4}}/records/[0-9]{{1,16}}/set-aside",
        {**_REASON, "breaks": Form.TEXT, "dry_run": Form.FLAG},
    ),
    OperatorCommand(
        "resume",
        ("donations",),
        r"v1/shards/[0-9]{1,4}/resume",
        {**_REASON, "wanted": Form.NUMBER, "begins": Form.NUMBER},
    ),
    OperatorCommand("preview", ("donations",), r"v1/dead-letters/previews", _PREVIEW),
    OperatorCommand("replay", ("donations",), r"v1/dead-letters/replays", _REPLAY),
    OperatorCommand("stop", ("donations",), rf"v1/dead-letters/replays/{ID}/stop", _REASON),
    OperatorCommand(
        "discard", ("donations",), r"v1/dead-letters/discards", {**_SELECTION, **_REASON, "take_back": Form.FLAG}
    ),
    OperatorCommand("acknowledge", ("reporting",), rf"v1/alerts/{ID}/acknowledgements", _REASON),
    OperatorCommand(
        "silence",
        ("reporting",),
        r"v1/silences",
        {**_REASON, "alert": Form.TEXT, "subject": Form.TEXT, "minutes": Form.NUMBER},
    ),
    OperatorCommand("unsilence", ("reporting",), rf"v1/silences/{ID}", method="DELETE"),
)


def command_at(service: str, path: str, method: str) -> OperatorCommand | None:
    """The command that is forwarded there; None: none is."""
    return next(
        (
            one
            for one in COMMANDS
            if service in one.services and method == one.method and re.fullmatch(one.path, path) is not None
        ),
        None,
    )


def body_of(command: OperatorCommand, given: Sequence[tuple[str, str]]) -> Json:
    """A form's fields as the command's body; what is empty, or no field of it, is left out. Raises ValueError."""
    if len(given) > FIELDS_MAX or any(len(value) > FIELD_CHARACTERS_MAX for _, value in given):
        raise ValueError(f"a form has at most {FIELDS_MAX} fields of {FIELD_CHARACTERS_MAX} characters")
    body: Json = {}
    for name, form in command.fields.items():
        values = [value for key, value in given if key == name]
        match form:
            case Form.LIST:
                body |= {name: [value for value in values if value]} if any(values) else {}
            case Form.LINES:
                edited = _edited([value for key, value in given if key == "addresses"], values)
                body |= {name: edited} if edited else {}
            case Form.FLAG:
                body |= {name: values[-1] not in ("", "false", "0")} if values else {}
            case Form.NUMBER | Form.TEXT:
                text = values[-1].strip() if values else ""
                body |= {name: int(text) if form is Form.NUMBER else text} if text else {}
    return body


def _edited(addresses: Sequence[str], lines: Sequence[str]) -> dict[str, str]:
    """A text area ends its lines as browsers do; a record's line has none."""
    both = zip(addresses, lines, strict=False)
    return {address: line.replace("\r\n", "\n") for address, line in both if address and line.strip()}
