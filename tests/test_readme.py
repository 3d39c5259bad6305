"""Does the README name every setting, folder, page, status and command?"""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from data.cli import importing
from data.config import Settings
from data.domain.sign import Status

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [f"CITYOPS_{field.name.upper()}" for field in fields(Settings)])
def test_every_setting_is_explained(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("page", [path.stem for path in (ROOT / "pages").glob("[a-z]*.py")])
def test_every_page_is_named(page: str) -> None:
    assert f"`/{page}" in README


@pytest.mark.parametrize(
    "folder", [p.name for p in (ROOT / "data").iterdir() if p.is_dir() and p.name != "__pycache__"]
)
def test_every_folder_of_data_is_on_the_map(folder: str) -> None:
    assert re.search(rf"`(data/)?{folder}/", README)


@pytest.mark.parametrize("status", Status, ids=lambda status: status.word)
def test_every_status_is_in_the_glossary(status: Status) -> None:
    assert re.search(rf"\b{status.word}\b", README)


@pytest.mark.parametrize("kind", sorted(importing.commands))
def test_every_import_is_named(kind: str) -> None:
    assert kind in README


def test_no_committed_file_names_a_path_of_one_machine() -> None:
    texts = [
        p for top in ("data", "pages", "components", "assets", "tests") for p in (ROOT / top).rglob("*.py")
    ]
    assert not [path for path in texts if "/work/" + "main" in path.read_text(encoding="utf-8")]
