"""`panda`: one command for the stack, the demonstration, pushing, tracing and auditing."""

from __future__ import annotations

import typer

from pandapack.cli import audit, bench, chaos, dead_letters, demo, keys, lines, platforms, push, stack, trace, verify

app = typer.Typer(
    help="Panda Pack: every fen and every parcel accounted for.", no_args_is_help=True, pretty_exceptions_enable=False
)
app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.status)
app.command()(stack.doctor)
app.command()(demo.demo)
app.command()(chaos.chaos)
app.add_typer(keys.app, name="key")
app.add_typer(dead_letters.app, name="dlq")
app.add_typer(lines.app, name="line")
app.add_typer(platforms.platforms, name="platform")
app.add_typer(platforms.merchants, name="merchant")
app.command()(push.push)
app.command()(trace.trace)
app.command()(verify.receipt)
app.command("verify")(verify.verify_receipt)
app.command()(audit.audit)
app.command()(bench.bench)


if __name__ == "__main__":
    app()
