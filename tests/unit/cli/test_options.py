"""`--url` and `--watch`: what the table of commands gives to those that ask an installation."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pandapack.cli import options
from pandapack.cli.main import COMMANDS, LOCAL, WATCHED
from pandapack.cli.options import at, chosen_url, with_url, with_watch
from pandapack.cli.site import Site
from pandapack.local.running import RunningLock, write_note

ADDRESSES = {"donations": "http://d.example", "procurement": "http://p.example", "logistics": "http://l.example"}


@pytest.fixture
def reporting() -> Iterator[str]:
    """The address of a reporting that names the others."""
    content = json.dumps({"services": ADDRESSES}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/v1/installation" else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """In silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_one_address_leads_to_all_services_and_gets_no_key_of_this_folder(
    reporting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PANDA_KEY", "PANDA_LOGISTICS_URL", "PANDA_DONATIONS_URL"):
        monkeypatch.delenv(name, raising=False)
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"operator": "of this folder"}))
    with RunningLock(tmp_path):
        write_note(tmp_path, {"addresses": {"reporting": "http://127.0.0.1:1"}, "keys": str(keys)})
        assert Site.here(tmp_path).key("operator") == "of this folder"
        with at(reporting):
            elsewhere = Site.here(tmp_path)
            assert elsewhere.urls == {**ADDRESSES, "reporting": reporting}
            with pytest.raises(typer.Exit):
                elsewhere.key("operator")
            monkeypatch.setenv("PANDA_KEY", "mine")
            monkeypatch.setenv("PANDA_LOGISTICS_KEY", "mine there")
            sent = {name: elsewhere.client(name, "operator").headers["Authorization"] for name in elsewhere.urls}
            assert (sent["donations"], sent["logistics"]) == ("Bearer mine", "Bearer mine there")
        with at("http://127.0.0.1:1"):
            assert Site.here(tmp_path).keys == {"operator": "of this folder"}, "it is this folder's own address"


def test_every_command_that_asks_an_installation_has_url_and_what_is_looked_at_has_watch() -> None:
    for entry in COMMANDS:
        command = entry.load()
        leaves = {f"{entry.name} {name}": one for name, one in getattr(command, "commands", {}).items()}
        for path, leaf in (leaves or {entry.name: command}).items():
            spelt = {opt for parameter in leaf.params for opt in parameter.opts}
            is_local = path in LOCAL or entry.name in LOCAL
            assert ("--url" in spelt) == (not is_local), path
            assert "--watch" in spelt or path not in WATCHED, path


def test_an_address_is_given_to_the_command_and_forgotten_after_it() -> None:
    seen: list[str] = []
    app = typer.Typer()
    app.command()(with_url(lambda: seen.append(chosen_url())))
    assert CliRunner().invoke(app, ["--url", "http://r.example/"]).exit_code == 0
    assert CliRunner().invoke(app, [], env={"PANDA_URL": "http://env.example"}).exit_code == 0
    assert CliRunner().invoke(app, ["--url", "r.example"]).exit_code == 2
    assert (seen, chosen_url()) == (["http://r.example", "http://env.example"], "")


def test_who_watches_sees_each_look_and_ends_as_the_last_did(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter((0, 1))

    def look() -> None:
        status = next(looks)
        typer.echo(f"look {status}")
        raise typer.Exit(status)

    pauses = iter((None, KeyboardInterrupt()))

    def pause(_seconds: float) -> None:
        if error := next(pauses):
            raise error

    monkeypatch.setattr(options.time, "sleep", pause)
    app = typer.Typer()
    app.command()(with_watch(look))
    done = CliRunner().invoke(app, ["--watch"])
    assert (done.exit_code, done.output) == (1, "look 0\nlook 1\n")
