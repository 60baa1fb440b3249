"""The walks in docs/walks.md: every hop is a function that exists."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.rules import ROOT

WALKS = ROOT / "docs" / "walks.md"
HOPS = re.findall(r"^\d+\. `([\w/.]+)` `([\w.]+)`", WALKS.read_text(), re.MULTILINE)
NUMBERED = re.compile(r"^\d+\. ", re.MULTILINE)


def test_every_numbered_line_is_a_hop() -> None:
    assert len(HOPS) == len(NUMBERED.findall(WALKS.read_text())) > 30


@pytest.mark.parametrize(("path", "function"), HOPS, ids=[f"{path} {function}" for path, function in HOPS])
def test_a_hop_exists(path: str, function: str) -> None:
    scope: list[ast.stmt] = ast.parse((ROOT / path).read_text()).body
    for name in function.split("."):
        found = [
            node
            for node in scope
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name
        ]
        assert found, f"{path} has no {function}"
        scope = found[0].body
