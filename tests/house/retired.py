"""Names that are retired, and where one has come back: identifiers, fields, routes, settings, metrics and commands.

Prose is free. What each word is called now stands in docs/glossary.md.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.house.rules import python_files

_LISTED = [line.split() for line in (Path(__file__).parent / "retired.txt").read_text().splitlines() if line[0] != "#"]
PARTS = {word for kind, word in _LISTED if kind == "part"}
NAMES = {word for kind, word in _LISTED if kind == "name"}
# Of these, a name may still be right in one place, for another thing.
ELSEWHERE = {
    ("words", "pandapack/contracts/sha256.py"),  # 32-bit words, as FIPS 180-4 calls them
    ("gift", "simulator/donations.py"),  # text that every seed of the demonstration is drawn with
}
# In every file that a person or a machine reads.
ANYWHERE = re.compile(
    r"PANDA_LINES|PANDA_HEAD_KEY|/v1/lines|/v1/heads|/go-on\b|\bpanda line\b|panda_events_said|panda_records_heard"
)
TEXTS = ("*.md", "*.json", "*.js", "*.html", "*.yml", "*.yaml", "*.toml", "Makefile", "Dockerfile", "*.py")
NOT_OURS = {".git", ".venv", ".panda", "node_modules", ".mypy_cache", ".ruff_cache", ".import_linter_cache"}
OF_THE_CHECK = ("tests/house/retired", "tests/house/test_rooms.py")

_FIELD = re.compile(r"[a-z_]+(\.[a-z0-9_]+)*")
_ROUTE = re.compile(r"/[\w{}:/.-]+")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def retired_names(root: Path) -> list[str]:
    """Every place where a retired name has come back: `file:line name`."""
    return [*_in_python(root), *_in_texts(root)]


def _in_python(root: Path) -> Iterator[str]:
    for file in python_files(root):
        path = str(file.relative_to(root))
        if path.startswith(OF_THE_CHECK):
            continue
        for line, name in _names_of(file.read_text()):
            if is_retired(name) and (name, path) not in ELSEWHERE:
                yield f"{path}:{line} {name}"


def is_retired(name: str) -> bool:
    """Whether a name is one of those, or has one of the words as a part."""
    return name in NAMES or any(piece.lower() in PARTS for piece in _PIECE.findall(name))


def _names_of(source: str) -> Iterator[tuple[int, str]]:
    """Identifiers, and texts that are nothing but a field's or a route's name: (line, name)."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and not token.string.startswith("test_"):
            yield token.start[0], token.string
        elif token.type == tokenize.STRING:
            text = token.string.strip("rbfuRBFU").strip("'\"")
            if _FIELD.fullmatch(text) or _ROUTE.fullmatch(text):
                yield from ((token.start[0], name) for name in re.findall(r"[\w-]+", text))
            if "f" in token.string[:2].lower():
                for hole in re.findall(r"(?<!\{)\{([^{}]*)\}", text):
                    yield from ((token.start[0], name) for name in re.findall(r"[A-Za-z_]\w*", hole))


def _in_texts(root: Path) -> Iterator[str]:
    for pattern in TEXTS:
        for file in sorted(root.rglob(pattern)):
            path = file.relative_to(root)
            if NOT_OURS & set(path.parts) or str(path).startswith(OF_THE_CHECK):
                continue
            for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
                if found := ANYWHERE.search(line):
                    yield f"{path}:{number} {found[0]}"
