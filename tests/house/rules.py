"""The rules of the house that no tool knows: functions of a source tree that answer what is wrong."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PARTS = ("pandapack", "services", "simulator", "benchmarks", "tests", "deploy")

FILE_LINES_MAX = 399
FUNCTION_LINES_MAX = 69
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}

# A room is a module, or a package of that name where one file would grow too long.
ROOMS = ("domain", "store", "handlers", "api")
# Where there is something for it: use cases and background loops.
ROOMS_IF_NEEDED = ("work",)
EACH_SERVICE = ("settings", "app")
ALWAYS_PACKAGES = {"domain"}
ALWAYS_MODULES = set(EACH_SERVICE)
# A service with several features has the rooms in each of them; a feature needs a domain, and the others if needed.
FEATURES = {
    "donations": (
        "validation",
        "platforms",
        "ledger",
        "programmes",
        "door",
        "pushes",
        "proofs",
        "settlements",
        "dead_letters",
        "test_ledger",
    )
}
FRONT_DOOR_WORDS = ("Consumes", "Decides", "Publishes")

# Where import-linter's contracts must name every service: (contract, key, what follows the service's name).
DECLARED_IN = (("independent", "modules", ""), ("rooms", "containers", ""), ("pure", "source_modules", ".domain"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(root: Path) -> list[Path]:
    """Every source file of ours under `root`."""
    found = [file for part in PARTS for file in (root / part).rglob("*.py")]
    return sorted(file for file in found if "__pycache__" not in file.parts)


def defines(file: Path, names: Iterable[str]) -> bool:
    """Whether a file defines a function or a class of the first name, in it one of the second, and so on."""
    scope: list[ast.stmt] = ast.parse(file.read_text()).body
    for name in names:
        kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        found = next((node for node in scope if isinstance(node, kinds) and node.name == name), None)
        if found is None:
            return False
        scope = found.body
    return True


def services_of(root: Path) -> list[str]:
    """The folders under services/ are the services."""
    folders = (root / "services").iterdir()
    return sorted(folder.name for folder in folders if folder.is_dir() and folder.name != "__pycache__")


def missing_rooms(root: Path) -> list[str]:
    """Rooms that a service or a feature lacks, and what the service's `__init__` does not say."""
    wrong = []
    for service in services_of(root):
        home = root / "services" / service
        features = FEATURES.get(service, ())
        rooms = EACH_SERVICE if features else (*ROOMS, *EACH_SERVICE)
        wrong += [f"services/{service}/{room}" for room in rooms if not _is_room(home, room)]
        wrong += [f"services/{service}/{name}/domain" for name in features if not _is_room(home / name, "domain")]
        front_door = home / "__init__.py"
        text = (ast.get_docstring(ast.parse(front_door.read_text())) if front_door.exists() else None) or ""
        missing = [word for word in FRONT_DOOR_WORDS if word not in text]
        if missing:
            wrong.append(f"services/{service}/__init__.py does not say: {', '.join(missing)}")
    return wrong


def _is_room(home: Path, room: str) -> bool:
    as_package = room not in ALWAYS_MODULES and (home / room / "__init__.py").exists()
    as_module = room not in ALWAYS_PACKAGES and (home / f"{room}.py").exists()
    return as_package or as_module


def undeclared_services(root: Path) -> list[str]:
    """Services that a contract of import-linter does not name, or names though they do not exist."""
    contracts: list[dict[str, Any]] = _pyproject(root)["tool"]["importlinter"]["contracts"]
    by_id = {contract["id"]: contract for contract in contracts}
    wrong = []
    for id, key, ending in DECLARED_IN:
        pattern = re.compile(rf"services\.(\w+){re.escape(ending)}")
        named = {match[1] for name in by_id[id][key] if (match := pattern.fullmatch(name))}
        expected = set(services_of(root)) - (set() if id == "independent" else set(FEATURES))
        wrong += [f"{service} in {id}" for service in sorted(named ^ expected)]
    for service, features in FEATURES.items():
        declared = {name.removeprefix(f"services.{service}.") for name in by_id["feature-rooms"]["containers"]}
        wrong += [f"{service}.{name} in feature-rooms" for name in sorted(declared ^ set(features))]
    return wrong


def long_files(root: Path) -> list[str]:
    """Files that should be split by aggregate."""
    counted = ((file, len(file.read_text().splitlines())) for file in python_files(root))
    return [f"{file.relative_to(root)}: {n} lines" for file, n in counted if n > FILE_LINES_MAX]


def long_functions(root: Path) -> list[str]:
    """Functions past the end of what one can read. One inside another counts for itself."""
    wrong = []
    for file in python_files(root):
        for function in _functions(ast.parse(file.read_text())):
            lines = _lines(function)
            if lines > FUNCTION_LINES_MAX:
                wrong.append(f"{file.relative_to(root)}:{function.lineno} {function.name}: {lines} lines")
    return wrong


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _lines(function: Function) -> int:
    held = {line for node in _functions(function) if node is not function for line in _span(node)}
    return len(set(_span(function)) - held)


def _span(function: Function) -> range:
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    return range(first, (function.end_lineno or function.lineno) + 1)


def nameless_modules(root: Path) -> list[str]:
    """Modules whose name says nothing about what is in them."""
    named = ((file, {file.stem.strip("_"), file.parent.name}) for file in python_files(root))
    return [str(file.relative_to(root)) for file, names in named if names & NO_NAMES]


def unseeded_chance(root: Path) -> list[str]:
    """Calls of `Random()` without a seed: what they draw can never be drawn again."""
    wrong = []
    for file in python_files(root):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and not node.args and not node.keywords and _called(node) == "Random":
                wrong.append(f"{file.relative_to(root)}:{node.lineno}")
    return wrong


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def loose_requirements(text: str) -> list[str]:
    """What a lock file must not have: an address, an option, a requirement without exact version and hash."""
    wrong = [line for line in text.splitlines() if "://" in line or line.startswith("-")]
    for requirement in re.split(r"\n(?=\S)", text.strip()):
        exact = re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", requirement)
        if not exact or "--hash=sha256:" not in requirement:
            wrong.append(requirement.splitlines()[0])
    return wrong


def locked(text: str) -> dict[str, str]:
    """{name: version} of a lock file."""
    found = re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", text, re.MULTILINE)
    return {normal(name): version for name, version in found}


def wanted(root: Path, *extras: str) -> set[str]:
    """Names of what pyproject.toml asks for: always, or with the extras named."""
    project = _pyproject(root)["project"]
    optional = project["optional-dependencies"]
    asked = [one for extra in extras for one in optional[extra]] if extras else project["dependencies"]
    return {normal(re.split(r"[^\w.-]", one, maxsplit=1)[0]) for one in asked} - {"pandapack"}


def normal(name: str) -> str:
    """A package's name as every index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())
