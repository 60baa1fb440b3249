"""`panda verify FILE`: checks the proof of one donation, offline."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pandapack.cli.failures import EXIT_USAGE, EXIT_WRONG, fail
from pandapack.cli.options import AsJson
from pandapack.contracts.proof import RECEIPT_BYTES_MAX, Conclusion, Outcome, Verdict
from pandapack.contracts.receipts import CONCLUSIONS, NOBODY, verify
from pandapack.contracts.tlog.cosignature import WitnessKey, WitnessPolicy
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.trusted_keys import TrustedKeys, parse_keys
from pandapack.local.keys import LOG_PUBLIC_KEYS_FILE, SIGNING_PUBLIC_KEY_FILE
from pandapack.local.layout import DATA_DIR
from pandapack.local.running import DEMO_FOLDER, running_in

STDIN = "-"
EXIT_NO_KEY = 2
"""Nothing is wrong, and nothing is proven either: it is another end than that of a forgery."""
MARKS = {Outcome.OK: "✓", Outcome.FAILED: "✗", Outcome.ABSENT: "·", Outcome.UNKEYED: "?"}
EXITS = {Conclusion.PROVEN: 0, Conclusion.NOT_PROVEN: EXIT_WRONG, Conclusion.NO_KEY: EXIT_NO_KEY}


class Language(StrEnum):
    """In which language the steps are shown."""

    EN = "en"
    ZH = "zh"


def verify_receipt(
    receipt: Annotated[str, typer.Argument(help="The receipt's file, or - for standard input.")] = STDIN,
    key: Annotated[
        list[str] | None,
        typer.Option(help="A key that you trust, or a file of such keys, a line each: docs/log/keys.md. Repeatable."),
    ] = None,
    witness: Annotated[list[str] | None, typer.Option(help="A witness's key that you trust. Repeatable.")] = None,
    quorum: Annotated[
        int | None, typer.Option(min=0, help="How many of these witnesses must have cosigned; without it all of them.")
    ] = None,
    lang: Annotated[Language, typer.Option(help="en or zh.")] = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Check a receipt step by step, without any network. Exit 1 when a step fails, 2 without a key.

    Without --key the trusted keys are those of the stack or the demonstration of this folder, where there are some.
    """
    trusted = trusted_keys(key) if key else _own_keys()
    verdict = verify(_text_of(receipt), trusted, _policy(witness or [], quorum))
    typer.echo(json.dumps(_as_json(verdict), ensure_ascii=False) if as_json else "\n".join(_lines(verdict, lang)))
    if verdict.conclusion is not Conclusion.PROVEN:
        raise typer.Exit(EXITS[verdict.conclusion])


def own_key_file(data_dir: Path, name: str = SIGNING_PUBLIC_KEY_FILE) -> Path:
    """Public keys of what runs in this folder, stack or demonstration; where nothing runs, of the stack first.

    Where no keys are at all, the file in which a stack would have them.
    """
    folders = [*(running.data_dir for running in running_in(data_dir)), data_dir, data_dir / DEMO_FOLDER]
    files = [folder / name for folder in folders]
    return next((file for file in files if file.exists()), data_dir / name)


def _own_keys() -> TrustedKeys:
    files = [own_key_file(DATA_DIR, name) for name in (LOG_PUBLIC_KEYS_FILE, SIGNING_PUBLIC_KEY_FILE)]
    there = [str(file) for file in files if file.exists()]
    if there:
        typer.echo(f"trusted: the keys in {' and '.join(there)}", err=True)
    else:
        typer.echo("no key: give one by --key; GET /log/key of the installation has the log's, kept early", err=True)
    return trusted_keys(there)


def trusted_keys(given: list[str]) -> TrustedKeys:
    """Keys, given themselves or as files of them. Ends the command where one is none."""
    found = TrustedKeys()
    for one in given:
        text = _keys_text(one)
        try:
            found += parse_keys(text)
        except Malformed as error:
            raise fail(f"{one} holds no keys: {error}", EXIT_USAGE) from error
    return found


def _keys_text(given: str) -> str:
    """The keys' lines. A file may be what `GET /v1/roots/key` answers, too."""
    file = Path(given)
    try:
        text = file.read_text() if file.exists() else given
        return str(json.loads(text)["key"]) if text.lstrip().startswith("{") else text
    except (OSError, ValueError, KeyError) as error:
        raise fail(f"no public key in {given}: {error}", EXIT_USAGE) from error


def trusted_key(text_or_file: str) -> str:
    """A public key that signs receipts of the first form (64 hex digits). Ends the command where it is none."""
    found = trusted_keys([text_or_file]).signing
    if not found:
        detail = f"{text_or_file} holds no public key of 64 hex digits; get it once from GET /v1/roots/key and keep it"
        raise fail(detail, EXIT_USAGE)
    return found[0]


def _policy(witnesses: list[str], quorum: int | None) -> WitnessPolicy:
    if not witnesses and quorum is None:
        return NOBODY
    try:
        keys = tuple(WitnessKey.parse(one.strip()) for one in witnesses)
        return WitnessPolicy(keys, len(keys) if quorum is None else quorum)
    except Malformed as error:
        raise fail(f"--witness, --quorum: {error}", EXIT_USAGE) from error


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
    return {"conclusion": verdict.conclusion.value, "proven": verdict.is_proven, "steps": steps}


def _lines(verdict: Verdict, lang: Language) -> list[str]:
    lines = [f"{MARKS[step.outcome]} {step.zh if lang is Language.ZH else step.en}" for step in verdict.steps]
    english, chinese = CONCLUSIONS[verdict.conclusion]
    return [*lines, chinese if lang is Language.ZH else english]
