"""How does a page's module become an address, with a first picture and a stream?"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote, urlencode

import dash
from dash import ClientsideFunction, Input, Output, clientside_callback, html
from dash.development.base_component import Component
from flask import has_request_context, request
from structlog import get_logger

from components import frame, text
from data import live
from data.config import build
from data.domain.refusal import Refusal
from data.domain.rights import Viewer
from data.live import State, Subject
from data.queries import city, places
from data.queries.outage import OUTAGE

Body = Callable[[dict[str, Any], str], list[Any]]
Frozen = Literal["down", "failed"]
"""The database is away, or this page alone cannot be computed: the browser's own words for it."""

NOWHERE: dict[str, Any] = {
    "code": "", "tier": 1, "path": "", "parent": None, "name": {"zh": "—", "en": "—"}, "centre": None,
    "area_km2": None, "population": None, "schematic": True, "ancestors": [], "children": [],
}  # fmt: skip

WHERE_SECONDS = 0.8  # for what stands around the picture
DRAWN_AT = "/_dash-update-component"
INDEX, shell = frame.INDEX, frame.shell

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Form:
    """What a page is made of. `path`: its address with variables, the place last (`/sign/<code>/<place>`)."""

    name: str
    path: str
    body: Body
    wall: bool
    strip: bool

    @property
    def variables(self) -> list[str]:
        return re.findall(r"<(\w+)>", self.path)

    def text(self, address: Mapping[str, str]) -> str:
        """The subject as it stands in the address."""
        return "/".join(address[name] for name in self.variables)

    def base(self, subject_text: str) -> str:
        """This page's address up to the place's code; the overview's, where a page has no place."""
        if not self.variables:
            return "/overview/"
        given = dict(zip(self.variables, subject_text.split("/"), strict=False))
        filled = re.sub(r"<(\w+)>", lambda found: quote(given.get(found[1], "")), self.path)
        return filled.rpartition("/")[0] + "/"


@dataclass(frozen=True, slots=True)
class Picture:
    """The first state with what stands around it; `frozen`: why it is the last one and not a new one."""

    said: dict[str, Any]
    etag: str
    where: dict[str, Any]
    frozen: Frozen | None = None


def place_subject(subject_text: str, viewer: Viewer) -> Subject:
    """The last part of the text is the place."""
    found = places.seen(viewer, subject_text.rpartition("/")[2])
    return Subject(subject_text, found["path"])


def root_subject(subject_text: str, viewer: Viewer) -> Subject:
    """The whole city."""
    if subject_text:
        raise Refusal("not_found", "没有这个地址", "there is no such address", status=404)
    return Subject("", places.seen(viewer, city.city_row()["root"])["path"])


def register_page(
    module: str,
    *,
    name: str,
    path: str,
    state: Callable[[Subject, live.Ask], State],
    body: Body,
    kinds: Iterable[str],
    filters: Iterable[str] = (),
    subject: Callable[[str, Viewer], Subject] = place_subject,
    wall: bool = False,
    strip: bool = True,
) -> None:
    """Serves `body` under `path` for every place, language and skin, and `state` to browsers and the API.
    Dash only looks at files in which its own word `register_page` stands: hence the name."""
    page = live.Page(name, state, subject, frozenset(kinds), tuple(filters))
    form = Form(name, path, body, wall, strip)
    live.register(page)

    def layout(**address: str) -> Component:
        lang = text.language(address.get("lang"))
        if not _is_drawn() or not all(address.get(variable) for variable in form.variables):
            return _skeleton(form, NOWHERE, lang, [], None)
        return _layout(page, form, address, lang)

    title = text.say("zh", f"page.{name}")
    variable = bool(form.variables)
    dash.register_page(  # type: ignore[no-untyped-call]
        module,
        path=f"/{name}" if variable else path,
        path_template=path if variable else None,
        name=title,
        title=f"{title} · {text.say('zh', 'word.product')}",
        layout=layout,
    )


def _is_drawn() -> bool:
    """Dash also calls every layout bare, once, to learn its ids: no reason to ask the database."""
    return has_request_context() and request.path == DRAWN_AT


def _layout(page: live.Page, form: Form, address: Mapping[str, str], lang: str) -> Component:
    """Never raises: a page that fails to open stays blank, and a wall with it."""
    given = live.known(page, address)
    subject_text = form.text(address)
    try:
        found = _picture(page, subject_text, given)
        if isinstance(found, Picture):
            return _drawn(form, found, subject_text, given)
        why = found
    except Refusal as refusal:
        return _refused(form, refusal, lang)
    except Exception:
        why = "failed"
        log.exception("page.failed", page=page.name, subject=subject_text)
    return _without(page, form, subject_text, given, why)


def _drawn(form: Form, picture: Picture, subject_text: str, given: dict[str, str]) -> Component:
    notes = [frame.said(given["lang"], f"{picture.frozen}.kept", error=True)] if picture.frozen else []
    first = _first(form, picture, subject_text, given)
    return _skeleton(form, picture.where["place"], given["lang"], notes, first)


def _picture(page: live.Page, subject_text: str, given: dict[str, str]) -> Picture | Frozen:
    """Without a picture, new or old, the reason."""
    viewer = live.viewer()
    kept = f"where:{viewer.rights}:{page.name}:{subject_text}"
    try:
        said, etag = live.answer(page.name, subject_text, viewer, given)
        with live.within(WHERE_SECONDS):
            where = _where(page, subject_text, viewer)
        live.keep(kept, where)
        return Picture(said, etag, where)
    except OUTAGE as away:
        why: Frozen = "down"
        log.warning("page.without_database", page=page.name, reason=str(away).strip())
    except Refusal:
        raise
    except Exception:
        why = "failed"
        log.exception("page.failed", page=page.name, subject=subject_text)
    last, where_was = live.last(page.name, subject_text, viewer, given), live.kept(kept)
    return Picture(*last, where_was, frozen=why) if last and where_was else why


def _where(page: live.Page, subject_text: str, viewer: Viewer) -> dict[str, Any]:
    """The place to draw the frame around, and the city's clock."""
    code = page.subject(subject_text, viewer).path.rstrip("/").rpartition("/")[2]
    return {"place": places.seen(viewer, code), "timezone": city.city_row()["timezone"]}


def _first(form: Form, picture: Picture, subject_text: str, given: dict[str, str]) -> dict[str, Any]:
    lang, place = given["lang"], picture.where["place"]
    names = [
        text.name(place["name"], lang),
        text.say(lang, f"page.{form.name}"),
        text.say(lang, "word.product"),
    ]
    return picture.said | {
        "etag": picture.etag,
        "words": dict(text.table(lang)),
        "place": place,
        "timezone": picture.where["timezone"],
        "title": " · ".join(names),
        "frozen": picture.frozen,
        **_ways(form, subject_text, given),
    }


def _ways(form: Form, subject_text: str, given: dict[str, str]) -> dict[str, Any]:
    query = urlencode(given)
    stream = urlencode({"page": form.name, "subject": subject_text, **given})
    state = "/".join(filter(None, ["/api/v1/state", form.name, quote(subject_text)]))
    return {
        "wall": form.wall,
        "base": form.base(subject_text),
        "urls": {"live": f"/live?{stream}", "state": f"{state}?{query}"},
    }


def _skeleton(
    form: Form, place: dict[str, Any], lang: str, notes: list[Component], first: dict[str, Any] | None
) -> Component:
    main = [*notes, *form.body(place, lang)]
    if form.wall:
        return html.Div([html.Main(main, className="wall"), *frame.first(first)])
    base = first["base"] if first else "/overview/"
    other = _other_language(form, first, lang)
    shown = place if form.strip else {**place, "children": []}
    return html.Div([frame.framed(form.name, shown, lang, base, other, main), *frame.first(first)])


def _other_language(form: Form, first: dict[str, Any] | None, lang: str) -> str:
    """This very page, filters included."""
    if first is None:
        return frame.address("/", "zh" if lang == "en" else "en")
    query = dict(part.split("=", 1) for part in first["urls"]["state"].partition("?")[2].split("&") if part)
    query.pop("lang", None)
    here = first["base"] + quote(first["subject"].rpartition("/")[2]) if form.variables else form.path
    return frame.address(here, "zh" if lang == "en" else "en", **query)


def _refused(form: Form, refusal: Refusal, lang: str) -> Component:
    """In the frame, with one way on."""
    what = "word.not_found" if refusal.status == HTTPStatus.NOT_FOUND else "word.refused"
    said = [
        frame.said(lang, what, refusal.detail(lang), error=True),
        html.P(html.A(text.say(lang, "word.to_city"), href=frame.address("/", lang), className="act")),
    ]  # fmt: skip
    return html.Div([frame.framed(form.name, NOWHERE, lang, "/overview/", "?", said), *frame.first(None)])


def _without(page: live.Page, form: Form, subject_text: str, given: dict[str, str], why: Frozen) -> Component:
    """Nothing to show yet; the browser keeps asking and opens the page when there is."""
    lang = given["lang"]
    said = [
        frame.said(lang, f"{why}.none", text.say(lang, f"{why}.none_why"), error=True),
        frame.connection(lang),
        frame.notice(),
    ]
    nothing = {
        "page": page.name, "subject": subject_text, "lang": lang, "build": build(), "seq": 0, "at": None,
        "now": live.now().isoformat(timespec="milliseconds"), "simulated": False, "state": None,
    }  # fmt: skip
    picture = Picture(nothing, "", {"place": NOWHERE, "timezone": "UTC"}, frozen=why)
    first = _first(form, picture, subject_text, given)
    return html.Div([html.Main(said, className="main", id="main"), *frame.first(first)])


clientside_callback(
    ClientsideFunction("cityops", "mount"), Output(frame.MOUNTED, "title"), Input(frame.STATE, "data")
)
