"""The walks in docs/walks.md: every hop is a function that exists."""

from __future__ import annotations

import re

import pytest

from tests.house.rules import ROOT, defines

WALKS = ROOT / "docs" / "walks.md"
HOPS = re.findall(r"^\d+\. `([\w/.]+)` `([\w.]+)`", WALKS.read_text(), re.MULTILINE)
NUMBERED = re.compile(r"^\d+\. ", re.MULTILINE)


def test_every_numbered_line_is_a_hop() -> None:
    assert len(HOPS) == len(NUMBERED.findall(WALKS.read_text())) > 30


@pytest.mark.parametrize(("path", "function"), HOPS, ids=[f"{path} {function}" for path, function in HOPS])
def test_a_hop_exists(path: str, function: str) -> None:
    assert defines(ROOT / path, function.split(".")), f"{path} has no {function}"
