"""How is each thing called in Chinese and in English?"""

import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("zh", "en")
WORDS = Path(__file__).parent / "words"


@lru_cache(maxsize=1)
def words() -> Mapping[str, tuple[str, str]]:
    """`section.key` → (Chinese, English), of all files under `words/`; no key twice."""
    found: dict[str, tuple[str, str]] = {}
    for file in sorted(WORDS.glob("*.toml")):
        for section, entries in tomllib.loads(file.read_text(encoding="utf-8")).items():
            for name, (zh, en) in entries.items():
                key = f"{section}.{name}"
                if key in found:
                    raise ValueError(f"{file.name}: {key} has been named before")
                found[key] = (zh, en)
    return found


def language(given: object) -> str:
    return "en" if given == "en" else "zh"


@lru_cache(maxsize=2)
def table(lang: str) -> Mapping[str, str]:
    """What the browser paints with."""
    at = LANGUAGES.index(lang)
    return {key: both[at] for key, both in words().items()}


def say(lang: str, key: str, **fill: object) -> str:
    """Raises KeyError for a key that has no words."""
    return table(lang)[key].format(**fill)


def speaker(lang: str) -> Callable[..., str]:
    """`say("word.all_n", n=3)` in one language."""

    def speak(key: str, **fill: object) -> str:
        return say(lang, key, **fill)

    return speak


def name(names: Mapping[str, str], lang: str) -> str:
    """The English one where there is one."""
    return names.get(lang) or names["zh"]
