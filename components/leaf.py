"""What are the small parts of a page's skeleton that the browser fills?"""

from collections.abc import Iterable
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from components import text

Head = str | tuple[str, str]


def leaf(key: str, format: str = "text", tag: str = "Span", **attributes: Any) -> Component:
    """One value of the state; `format` is a name in assets/format.js."""
    return getattr(html, tag.capitalize())(**_dashed(attributes), **{"data-key": key, "data-format": format})


def rows(key: str, row: str, tag: str = "Ul", **attributes: Any) -> Component:
    """A list painted by `cityops.rows[row]`. Attributes: empty=word, top=n, walk=list|grid, also=keys."""
    return getattr(html, tag.capitalize())(**_dashed(attributes), **{"data-key": key, "data-row": row})


def table(key: str, row: str, heads: Iterable[Head], label: str = "", **attributes: Any) -> Component:
    """`heads`: words, or (words, class). The template returns a tr."""
    cells = [
        html.Th(head, scope="col")
        if isinstance(head, str)
        else html.Th(head[0], className=head[1], scope="col")
        for head in heads
    ]
    return html.Table(
        [html.Thead(html.Tr(cells)), rows(key, row, "Tbody", **attributes)],
        className="tab",
        **({"aria-label": label} if label else {}),
    )


def chart(key: str, label: str, **attributes: Any) -> Component:
    """An empty graph in a figure that says in words what it shows; `height` in rem through a class."""
    graph = dcc.Graph(
        id=key.replace(".", "-"),
        figure={"data": [], "layout": {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}},
        config={"displayModeBar": False, "locale": "zh-CN", "responsive": True, "doubleClick": False},
        responsive=True,
        style={"height": "100%"},
    )
    return html.Figure(
        graph, role="img", className=f"chart {attributes.pop('className', '')}".strip(),
        **_dashed(attributes), **{"aria-label": label},
    )  # fmt: skip


def export_links(csv: str | None, lang: str, chart: str | None = None) -> Component:
    """导出 CSV and, of a chart, PNG and SVG made in the browser."""
    say = text.speaker(lang)
    pictures = ("png", "svg") if chart else ()
    links: list[Component] = []
    if csv:
        links.append(html.A("CSV", href=csv, className="act", download=""))
    for kind in pictures:
        links.append(
            html.Button(
                kind.upper(), className="act", **{"data-export": kind, "data-chart": chart, "type": "button"}
            )
        )
    return html.Span(
        [say("word.export"), *links], className="exports", role="group", **{"aria-label": say("word.export")}
    )


def section(
    title: str, *children: Any, small: Any = None, more: Any = None, className: str = ""
) -> Component:
    """A titled part of a page; `more` stands at the right end."""
    head = [html.H2(title), *([html.Small(small)] if small else [])]
    if more is not None:
        head.append(html.Span(more, className="more"))
    return html.Section(
        [html.Header(head), *children], className=f"sec {className}".strip(), **{"aria-label": title}
    )


_DATA = {"unit", "digits", "words", "field", "blank", "empty", "top", "walk", "also", "hotkey", "keep"}


def _dashed(attributes: dict[str, Any]) -> dict[str, Any]:
    """unit="cm" → data-unit="cm"."""
    return {
        (f"data-{name}" if name in _DATA else name.replace("aria_", "aria-").replace("data_", "data-")): value
        for name, value in attributes.items()
    }
