"""What stands around every page: where am I, what is above and below, is it live, is it real?"""

from collections.abc import Mapping
from typing import Any

import dash
from dash import dcc, html
from dash.development.base_component import Component

from components import text
from components.leaf import dashed

INDEX = """<!DOCTYPE html>
<html lang="zh-CN" data-skin="dark" data-live="opening">
<head>
{%metas%}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{%title%}</title>
<link rel="icon" href="data:,">
{%css%}
<script src="/assets/theme.js"></script>
<script src="/assets/paint.js"></script>
</head>
<body>
{%app_entry%}
<footer>
{%config%}
{%scripts%}
{%renderer%}
</footer>
</body>
</html>"""

# A page is on the rail as soon as it has a row here: page, address, the letter after G.
RAIL = (
    ("overview", "/overview/{code}", "o"),
    ("signs", "/signs/{code}", "s"),
    ("incidents", "/incidents/{code}", "i"),
    ("sources", "/sources", "r"),
    ("wall", "/wall/{code}", "w"),
)
BELONGS = {"sign": "signs"}
"""A page that is not on the rail lights the word of another."""

STATE = "live-first"
MOUNTED = "live-mounted"


def shell() -> Component:
    """The outermost layout: whatever page the address names."""
    return html.Div(dash.page_container)


def framed(
    page: str, place: Mapping[str, Any], lang: str, base: str, other: str, main: list[Any]
) -> Component:
    """`base`: the address of this page up to the place's code; `other`: this page in the other language."""
    say = text.speaker(lang)
    strip = [_strip(place, say)] if place["children"] else []
    return html.Div(
        [
            html.A(say("word.skip"), href="#main", className="skip"),
            _rail(page, place, lang),
            html.Header([_crumbs(place, lang, base), _meta(lang, other)], className="place"),
            notice(),
            *strip,
            html.Main(main, className="main", id="main", tabIndex=-1),
            _menu(page, place, lang, "tabbar", say("word.main_menu_short")),
        ],
        className="app" if strip else "app nokids",
    )


def connection(lang: str) -> Component:
    """Trouble in words, and since when the picture is what it is; filled by assets/trouble.js."""
    return html.Span(
        [
            html.Span(className="trouble"),
            html.Span(className="as-of"),
            html.Span(className="unseen", role="status"),
        ],
        className="connection",
        **dashed(data_connection=lang),
    )


def notice() -> Component:
    """What trouble with the disk or the clocks means; not shown while there is none."""
    return html.Div([html.B(), html.Span(), html.Strong()], className="notice", **dashed(data_notice=""))


def clock(lang: str) -> Component:
    parts: list[Any] = [
        html.Span(**dashed(data_key="frame.now", data_format="today")),
        " ",
        html.Span(**dashed(data_key="frame.now", data_format="now")),
    ]
    return html.Span(parts, className="clock", lang=lang)


def simulated(lang: str) -> Component:
    """Shown as soon as anything on the page is."""
    return html.Span(text.say(lang, "word.simulated"), className="sim", **dashed(data_simulated_badge=""))


def said(lang: str, key: str, why: str = "", error: bool = False) -> Component:
    """One sentence above or instead of a page."""
    words = [html.B(text.say(lang, key)), *([html.P(why)] if why else [])]
    return html.Div(words, className="said error" if error else "said", role="status")


def address(path: str, lang: str, **query: str) -> str:
    """A link inside the product keeps the language."""
    asked = {**query, **({"lang": "en"} if lang == "en" else {})}
    return path + ("?" + "&".join(f"{name}={value}" for name, value in asked.items()) if asked else "")


def _rail(page: str, place: Mapping[str, Any], lang: str) -> Component:
    return _menu(page, place, lang, "rail", text.say(lang, "word.main_menu"))


def _menu(page: str, place: Mapping[str, Any], lang: str, kind: str, label: str) -> Component:
    say = text.speaker(lang)
    current = BELONGS.get(page, page)
    links = [_entry(row, place, lang, row[0] == current, kind) for row in RAIL]
    logo = [html.A(say("word.product"), href=address("/", lang), className="logo")] if kind == "rail" else []
    return html.Nav([*logo, *links], className=kind, **dashed(aria_label=label))


def _entry(
    row: tuple[str, str, str], place: Mapping[str, Any], lang: str, current: bool, kind: str
) -> Component:
    name, path, letter = row
    go = {"data_go": letter} if kind == "rail" else {}
    marks = dashed(**go, **({"aria_current": "page"} if current else {}))
    return html.A(
        text.say(lang, f"page.{name}"), href=address(path.format(code=place["code"]), lang), **marks
    )


def _crumbs(place: Mapping[str, Any], lang: str, base: str) -> Component:
    above = [
        html.Li(html.A(text.name(one["name"], lang), href=address(f"{base}{one['code']}", lang)))
        for one in place["ancestors"]
    ]
    here = html.Li(html.Span(text.name(place["name"], lang), **dashed(aria_current="page")))
    return html.Nav(
        html.Ol([*above, here], className="crumb"), **dashed(aria_label=text.say(lang, "word.place"))
    )


def _meta(lang: str, other: str) -> Component:
    say = text.speaker(lang)
    return html.Div(
        [
            simulated(lang),
            connection(lang),
            html.Span(clock(lang), className="desk"),
            html.Span(className="find desk", role="search", **dashed(data_search="")),
            html.Button("", className="switch desk", **dashed(data_skin_switch="", type="button")),
            html.A(
                say("word.language"), href=other, className="switch", title=say("word.language_title"),
                lang="zh-CN" if lang == "en" else "en",
            ),
        ],
        className="meta",
    )  # fmt: skip


def _strip(place: Mapping[str, Any], say: Any) -> Component:
    count = f"{len(place['children'])} {say('tiers.' + str(place['children'][0]['tier']))}"
    return html.Nav(
        [
            html.Span(count, className="lead"),
            html.Ul(
                **dashed(data_strip="", data_key="rows.children", data_row="frame.kid", data_walk="list")
            ),
        ],
        className="kids",
        **dashed(aria_label=say("word.below")),
    )


def first(data: dict[str, Any] | None) -> list[Component]:
    """The first state for the browser; everything after it comes by the stream."""
    return [dcc.Store(id=STATE, data=data), html.Div(id=MOUNTED, hidden=True)]
