"""`panda witness --state FOLDER --log VKEY`: cosigns the checkpoints of logs that it has seen to be consistent."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from pandapack.cli.failures import EXIT_USAGE, fail
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.note import KEY_BYTES, VerifierKey
from pandapack.transparency.witness_app import Witness, witness_app
from pandapack.transparency.witness_state import StateRefused, WitnessState

PORT = 8200
REQUESTS_AT_A_TIME = 64
"""A log posts one at a time; what comes beyond is answered with 503 at once."""
NAME = "localhost/witness"


def witness(
    log: Annotated[list[str], typer.Option(help="A log's public key, as its /log/key says it; may be repeated.")],
    state: Annotated[Path, typer.Option(help="The folder of this witness; its key is made there at the first start.")],
    port: Annotated[int, typer.Option(help="0: any that is free.")] = PORT,
    host: Annotated[str, typer.Option(help="Where it listens.")] = "127.0.0.1",
    name: Annotated[str, typer.Option(help="How it signs; a name that nobody else has. Only at the first start.")] = "",
) -> None:
    """Cosign checkpoints of logs once each is shown to continue the last one; Ctrl-C stops."""
    try:
        keys = [VerifierKey.parse(text.strip()) for text in log]
        is_new = not (state / "key").exists()
        kept = WitnessState(state, name or (NAME if is_new else ""), os.urandom(KEY_BYTES))
    except Malformed as error:
        raise fail(f"--log or --name: {error}", EXIT_USAGE) from error
    except StateRefused as error:
        raise fail(str(error)) from error
    logs: dict[str, list[VerifierKey]] = {}
    for key in keys:
        logs.setdefault(key.name, []).append(key)
    app = witness_app(Witness(kept, logs, lambda: datetime.now(UTC)))
    listening = _listen(host, port)
    typer.echo(f"http://{host}:{listening.getsockname()[1]} {kept.signer.verifier.text}")
    config = uvicorn.Config(app, log_level="warning", limit_concurrency=REQUESTS_AT_A_TIME, access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise fail(f"{host}:{port} cannot be listened on: {error.strerror}") from error
