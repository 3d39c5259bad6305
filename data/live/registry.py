"""Which pages have a state, what may be asked of each, and about what?"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data import db
from data.domain.refusal import Refusal
from data.domain.rights import Viewer

KINDS = frozenset({"signs", "incidents", "sources", "city"})
LANGUAGES = ("zh", "en")
LONGEST_FILTER = 200

State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """What an address names: `text` as it stands there (`WX07/4201`), `path` where it lies (`4201/`)."""

    text: str
    path: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Everything else that may change an answer. Nothing that is not here may enter a state."""

    rights: str
    lang: str = "zh"
    filters: tuple[tuple[str, str], ...] = ()
    at: datetime | None = None
    known: datetime | None = None

    def get(self, name: str) -> str | None:
        return dict(self.filters).get(name)


@dataclass(frozen=True, slots=True)
class Page:
    """`kinds`: what news makes its states old. `filters`: the query parameters it knows."""

    name: str
    state: Callable[[Subject, Ask], State]
    subject: Callable[[str, Viewer], Subject]
    kinds: frozenset[str]
    filters: tuple[str, ...] = ()

    def look(self, subject: Subject, ask: Ask) -> State:
        """Its state, all of it as of one moment."""
        with db.moment():
            return self.state(subject, ask)


_pages: dict[str, Page] = {}


def register(page: Page) -> None:
    unknown = page.kinds - KINDS
    if unknown:
        raise ValueError(f"page {page.name}: there is no news of kind {', '.join(sorted(unknown))}")
    _pages[page.name] = page


def page(name: str) -> Page:
    if name not in _pages:
        raise Refusal(
            "unknown_page", f"没有名为 {name} 的页面", f"there is no page {name}", status=404, field="page"
        )
    return _pages[name]


def pages() -> Iterable[Page]:
    return tuple(_pages.values())


def ask(page: Page, viewer: Viewer, given: Mapping[str, str]) -> Ask:
    """From query parameters, `lang` among them; one that the page does not know is refused."""
    lang = given.get("lang") or LANGUAGES[0]
    if lang not in LANGUAGES:
        raise Refusal("bad_value", f"没有语言 {lang}", f"there is no language {lang}", field="lang")
    return Ask(viewer.rights, lang, _filters(page, {name: given[name] for name in given if name != "lang"}))


def known(page: Page, given: Mapping[str, object]) -> dict[str, str]:
    """What of an address a page can use; addresses carry other things too."""
    names = (*page.filters, "lang")
    found = {name: str(given[name]) for name in names if given.get(name)}
    return {**found, "lang": found["lang"] if found.get("lang") in LANGUAGES else LANGUAGES[0]}


def _filters(page: Page, given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    for name, value in given.items():
        if name not in page.filters:
            raise Refusal("extra_field", f"没有参数 {name}", f"there is no parameter {name}", field=name)
        if len(value) > LONGEST_FILTER:
            raise Refusal("bad_value", f"参数 {name} 过长", f"parameter {name} is too long", field=name)
    return tuple(sorted((name, value) for name, value in given.items() if value))
