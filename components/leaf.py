"""What are the small parts of a page's skeleton that the browser fills?"""

from collections.abc import Iterable
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from components import text

Head = str | tuple[str, str]


def leaf(key: str, format: str = "text", tag: str = "Span", **attributes: Any) -> Component:
    """One value of the state; `format` is a name in assets/format.js."""
    return _element(tag, **attributes, data_key=key, data_format=format)


def rows(key: str, row: str, tag: str = "Ul", **attributes: Any) -> Component:
    """A list painted by `cityops.rows[row]`. Attributes: empty=word, top=n, walk=list|grid, also=keys."""
    return _element(tag, **attributes, data_key=key, data_row=row)


def table(key: str, row: str, heads: Iterable[Head], label: str = "", **attributes: Any) -> Component:
    """`heads`: words, or (words, class). The template returns a tr."""
    named = [(head, "") if isinstance(head, str) else head for head in heads]
    cells = [html.Th(words, className=kind or None, scope="col") for words, kind in named]
    return html.Table(
        [html.Thead(html.Tr(cells)), rows(key, row, "Tbody", **attributes)],
        className="tab",
        **dashed(**({"aria_label": label} if label else {})),
    )


def chart(key: str, label: str, lang: str = "zh", **attributes: Any) -> Component:
    """An empty graph in a figure that says in words what it shows; its height comes from a class."""
    locale = "en-US" if lang == "en" else "zh-CN"
    graph = dcc.Graph(
        id=key.replace(".", "-"),
        figure={"data": [], "layout": {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}},
        config={"displayModeBar": False, "locale": locale, "responsive": True, "doubleClick": False},
        responsive=True,
        style={"height": "100%"},
    )
    kind = f"chart {attributes.pop('className', '')}".strip()
    return _element("Figure", graph, className=kind, role="img", aria_label=label, **attributes)


def export_links(csv: str | None, lang: str, chart: str | None = None) -> Component:
    """导出 CSV and, of a chart, PNG and SVG made in the browser."""
    words = text.say(lang, "word.export")
    table = [html.A("CSV", href=csv, className="act", download="")] if csv else []
    pictures = [_picture(chart, kind) for kind in ("png", "svg")] if chart else []
    return html.Span(
        [words, *table, *pictures], className="exports", role="group", **dashed(aria_label=words)
    )


def _picture(chart: str, kind: str) -> Component:
    marks = dashed(data_export=kind, data_chart=chart, type="button")
    return html.Button(kind.upper(), className="act", **marks)


def section(
    title: str, *children: Any, small: Any = None, more: Any = None, className: str = ""
) -> Component:
    """A titled part of a page; `more` stands at the right end."""
    head: list[Any] = [html.H2(title), *([html.Small(small)] if small else [])]
    if more is not None:
        head.append(html.Span(more, className="more"))
    kind = f"sec {className}".strip()
    return html.Section([html.Header(head), *children], className=kind, **dashed(aria_label=title))


def _element(tag: str, *children: Any, **attributes: Any) -> Component:
    made: Component = getattr(html, tag.capitalize())(*children, **_dashed(attributes))
    return made


_DATA = {"unit", "digits", "words", "field", "blank", "empty", "top", "walk", "also", "hotkey", "keep"}


def _dashed(attributes: dict[str, Any]) -> dict[str, Any]:
    """unit="cm" → data-unit="cm"."""
    return dashed(**{f"data_{name}" if name in _DATA else name: value for name, value in attributes.items()})


def dashed(**attributes: Any) -> dict[str, Any]:
    """data_key="x", aria_label="y" → data-key, aria-label; other names stay."""
    return {
        name.replace("_", "-") if name.startswith(("data_", "aria_")) else name: value
        for name, value in attributes.items()
    }
