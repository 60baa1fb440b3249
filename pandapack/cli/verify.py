"""`panda verify FILE`: checks the proof of one donation, offline."""

from __future__ import annotations

import json
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pandapack.cli.failures import EXIT_WRONG, fail
from pandapack.cli.options import AsJson
from pandapack.contracts.proof import RECEIPT_BYTES_MAX, Outcome, Verdict, verify
from pandapack.local.keys import SIGNING_PUBLIC_KEY_FILE
from pandapack.local.layout import DATA_DIR
from pandapack.local.running import DEMO_FOLDER, running_in

STDIN = "-"
KEY_FORM = re.compile(r"[0-9a-f]{64}")
MARKS = {Outcome.OK: "✓", Outcome.FAILED: "✗", Outcome.ABSENT: "·"}


class Language(StrEnum):
    """In which language the steps are shown."""

    EN = "en"
    ZH = "zh"


RESULT = {
    Language.EN: ("Proven.", "NOT proven: do not rely on this receipt."),
    Language.ZH: ("验证通过。", "验证未通过：请勿采信此收据。"),
}


def verify_receipt(
    receipt: Annotated[str, typer.Argument(help="The receipt's file, or - for standard input.")] = STDIN,
    key: Annotated[
        str | None,
        typer.Option(help="The public key that you trust: 64 hex digits, or a file with them or with /v1/roots/key."),
    ] = None,
    lang: Annotated[Language, typer.Option(help="en or zh.")] = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Check a receipt step by step, without any network. Exit 1 when a step fails.

    Without --key the trusted key is that of the stack or the demonstration of this folder.
    """
    given = key or str(own_key_file(DATA_DIR))
    trusted = trusted_key(given)
    if key is None:
        typer.echo(f"trusted: the key in {given}", err=True)
    verdict = verify(_text_of(receipt), trusted)
    typer.echo(json.dumps(_as_json(verdict), ensure_ascii=False) if as_json else "\n".join(_lines(verdict, lang)))
    if not verdict.is_proven:
        raise typer.Exit(EXIT_WRONG)


def own_key_file(data_dir: Path) -> Path:
    """The public key of what runs in this folder, stack or demonstration; where nothing runs, of the stack first.

    Where no key is at all, the file in which a stack would have it.
    """
    folders = [*(running.data_dir for running in running_in(data_dir)), data_dir, data_dir / DEMO_FOLDER]
    files = [folder / SIGNING_PUBLIC_KEY_FILE for folder in folders]
    return next((file for file in files if file.exists()), data_dir / SIGNING_PUBLIC_KEY_FILE)


def trusted_key(text_or_file: str) -> str:
    """A public key (64 hex digits), given itself or as a file. Ends the command where it is none."""
    if KEY_FORM.fullmatch(text_or_file):
        return text_or_file
    try:
        text = Path(text_or_file).read_text().strip()
        found = json.loads(text)["key"] if text.startswith("{") else text
    except (OSError, ValueError, KeyError) as error:
        detail = f"no public key in {text_or_file}: {error}; get it once from GET /v1/roots/key and keep it"
        raise fail(detail) from error
    if not isinstance(found, str) or not KEY_FORM.fullmatch(found):
        raise fail(f"{text_or_file} holds no public key of 64 hex digits")
    return found


def _text_of(file: str) -> bytes:
    try:
        if file == STDIN:
            return sys.stdin.buffer.read(RECEIPT_BYTES_MAX + 1)
        with Path(file).open("rb") as opened:
            return opened.read(RECEIPT_BYTES_MAX + 1)
    except OSError as error:
        raise fail(f"{file} cannot be read: {error}") from error


def _as_json(verdict: Verdict) -> dict[str, Any]:
    steps = [{"name": s.name, "outcome": s.outcome.value, "en": s.en, "zh": s.zh} for s in verdict.steps]
    return {"proven": verdict.is_proven, "steps": steps}


def _lines(verdict: Verdict, lang: Language) -> list[str]:
    lines = [f"{MARKS[step.outcome]} {step.zh if lang is Language.ZH else step.en}" for step in verdict.steps]
    proven, unproven = RESULT[lang]
    return [*lines, proven if verdict.is_proven else unproven]
