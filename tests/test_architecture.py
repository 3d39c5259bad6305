"""Do the arrows between the folders hold, and is a planted violation of each one caught?"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"app", "pages", "components", "data"}

# Longest prefix wins. What a part may import of ours, besides itself and data.config.
ARROWS = {
    "app": {"pages", "data.api", "data.live", "data.cli", "data.supervise"},
    "pages": {"components", "data.domain", "data.queries", "data.commands", "data.live"},
    "components": {"data.domain"},
    "data.domain": set(),
    "data.store": {"data.domain", "data.db"},
    "data.queries": {"data.store", "data.domain", "data.cache", "data.db"},
    "data.commands": {"data.store", "data.domain", "data.ingest", "data.db"},
    "data.live": {"data.cache", "data.db", "data.domain"},
    "data.api": {"data.queries", "data.commands", "data.ingest", "data.live", "data.domain"},
    "data.ingest": {"data.domain"},
    "data.work": {"data.commands", "data.store", "data.ingest", "data.domain", "data.db"},
    "data.cli": {"data.queries", "data.commands", "data.ingest", "data.work", "data.embedded", "data.domain"},
    "data.supervise": {"data.embedded"},
    "data.serve": {"data.embedded", "data.domain", "data.cache"},
    "data.embedded": set(),
    "data.db": set(),
    "data.cache": set(),
    "data.config": set(),
}  # fmt: skip
# A library that only these parts may import.
ONLY = {
    "psycopg": {"data.store", "data.db", "data.live", "data.embedded"},
    "psycopg_pool": {"data.db"},
    "geopandas": {"data.ingest.shapes"},
    "shapely": {"data.ingest.shapes"},
    "flask_caching": {"data.cache"},
}
STDLIB_ONLY = "data.domain"
STDLIB = set(sys.stdlib_module_names)
BANNED_NAMES = {"utils", "helpers", "manager", "base", "common", "misc"}


def part_of(module: str, table: dict[str, set[str]] = ARROWS) -> str | None:
    found = [name for name in table if module == name or module.startswith(f"{name}.")]
    return max(found, key=len, default=None)


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, parts: set[str]) -> bool:
    return any(module == part or module.startswith(f"{part}.") for part in parts)


def violations(module: str, source: str) -> list[str]:
    """What this module imports or names although it must not."""
    tree = ast.parse(source)
    part = part_of(module)
    found = [name for name in imports(tree) if not _may_import(module, part, name)]
    if module != "data.config" and "os.environ" in {
        ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute)
    }:
        found.append("os.environ")
    return found


def _may_import(module: str, part: str | None, name: str) -> bool:
    top = name.split(".")[0]
    if top in OURS:
        return _may_import_ours(module, part, name)
    if top in ONLY and not within(module, ONLY[top]):
        return False
    if name in {"dash.callback", "dash.clientside_callback"} and not module.startswith("pages"):
        return False
    if within(module, {STDLIB_ONLY}):
        return top in STDLIB
    return not (module.startswith("data") and top == "dash")


def _may_import_ours(module: str, part: str | None, name: str) -> bool:
    if module.startswith("pages.") and name.startswith("pages.") and not name.startswith("pages._"):
        return False
    allowed = ARROWS.get(part or "", set()) | {part or "", "data.config"}
    return within(name, allowed)


def modules() -> Iterator[tuple[str, str]]:
    for path in [
        ROOT / "app.py",
        *(p for top in ("pages", "components", "data") for p in (ROOT / top).rglob("*.py")),
    ]:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield name, path.read_text(encoding="utf-8")


@pytest.mark.parametrize("module, source", list(modules()), ids=lambda text: text if len(text) < 60 else "")
def test_every_module_keeps_to_the_arrows(module: str, source: str) -> None:
    assert violations(module, source) == []


@pytest.mark.parametrize("module", [name for name, _ in modules()])
def test_no_module_has_a_name_that_means_anything(module: str) -> None:
    assert not BANNED_NAMES & set(module.split("."))


PLANTED = [
    ("pages.wall", "from pages.overview import state"),
    ("pages.wall", "from data.store import signs"),
    ("pages.wall", "import psycopg"),
    ("components.map", "from data import queries"),
    ("components.map", "from dash import callback"),
    ("components.map", "from data.store.signs import board"),
    ("data.domain.sign", "import dash"),
    ("data.domain.sign", "from data.store import signs"),
    ("data.store.signs", "from data.queries import signs"),
    ("data.store.signs", "from data.commands import readings"),
    ("data.queries.signs", "from data.commands import readings"),
    ("data.commands.readings", "from data.api import state"),
    ("data.live.hub", "from pages.overview import state"),
    ("data.live.hub", "from data.store import signs"),
    ("data.api.signs", "from data.store import signs"),
    ("data.ingest.tables", "from data.store import signs"),
    ("data.ingest.tables", "import geopandas"),
    ("data.work.sweep", "from data.queries import signs"),
    ("data.cli", "from data.store import signs"),
    ("data.supervise", "from data.store import signs"),
    ("data.embedded", "from data.store import signs"),
    ("data.cache", "from data.db import read"),
    ("data.queries.signs", "import flask_caching"),
    ("data.db", "import os\nprint(os.environ['HOME'])"),
    ("app", "from data.store import signs"),
]


@pytest.mark.parametrize("module, source", PLANTED)
def test_a_planted_violation_is_caught(module: str, source: str) -> None:
    assert violations(module, source)


def test_one_event_source_in_the_whole_house() -> None:
    scripts = [path.read_text(encoding="utf-8") for path in (ROOT / "assets").rglob("*.js")]
    assert sum(script.count("new EventSource(") for script in scripts) == 1
