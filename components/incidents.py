"""What stands on the list of cases before it is filled?"""

import json
from collections.abc import Callable
from typing import Any

import dash_ag_grid as dag
from dash import html
from dash.development.base_component import Component

from components import leaf, text
from data.domain.incident import CLOSED, State
from data.domain.urgency import OPEN_STAGES

Say = Callable[..., str]
Json = dict[str, Any]

GRID = "cases"
ENDED = (State.CLOSED, State.FORCED_CLOSE)
STATES = {
    **{f"stage.{stage}": ",".join(states) for stage, states in OPEN_STAGES.items()},
    "incidents.ended": ",".join(ENDED),
    "incidents.dropped": ",".join(sorted(CLOSED - set(ENDED))),
}
"""What the menu of states offers: the words' key, and how the address says it."""

# Column, width in px, how much of the room that is left it takes, how much wider it is in English.
COLUMNS = (
    ("severity", 64, 0, 8),
    ("class", 168, 1, 52),
    ("where", 200, 2, 0),
    ("below", 88, 0, 48),
    ("state", 84, 0, 36),
    ("left", 172, 0, 24),
    ("holder", 132, 1, 12),
    ("source", 88, 0, 0),
    ("number", 128, 0, 0),
    ("description", 176, 1, 0),
    ("age", 104, 0, 0),
    ("card", 200, 1, 0),
)
THEME = {
    "backgroundColor": "var(--bg)", "foregroundColor": "var(--text)", "textColor": "var(--text)",
    "headerTextColor": "var(--muted)", "headerBackgroundColor": "var(--bg)", "borderColor": "var(--line)",
    "rowBorder": {"color": "var(--line)"}, "headerRowBorder": {"color": "var(--line)"},
    "wrapperBorder": False, "columnBorder": False, "headerColumnBorder": False,
    "headerColumnResizeHandleColor": "transparent", "rowHoverColor": "var(--hover)",
    "selectedRowBackgroundColor": "var(--raised)", "oddRowBackgroundColor": "var(--bg)",
    "fontFamily": "inherit", "fontSize": "var(--fs-s)", "headerFontSize": "var(--fs-xs)",
    "headerFontWeight": 400,
    "cellHorizontalPadding": 6, "accentColor": "var(--text)", "wrapperBorderRadius": 0, "focusShadow": "none",
    "browserColorScheme": "inherit",
}  # fmt: skip
OPTIONS = {
    "theme": {"function": f"themeQuartz.withParams({json.dumps(THEME)})"},
    "rowHeight": 36,
    "headerHeight": 26,
    "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
    "includeHiddenColumnsInQuickFilter": True,
    "suppressColumnVirtualisation": True,
    "suppressDragLeaveHidesColumns": True,
    "suppressNoRowsOverlay": True,
    "animateRows": False,
}
# What the grid itself says; an empty list is spoken of outside it.
SPOKEN = {
    "ariaRowSelect": "incidents.aria_select",
    "ariaRowDeselect": "incidents.aria_deselect",
    "ariaRowToggleSelection": "incidents.aria_toggle",
    "noRowsToShow": "",
    "noMatchingRows": "",
    "loadingOoo": "",
}


def body(place: Json, lang: str) -> list[Component]:
    say = text.speaker(lang)
    return [
        html.Div(
            [
                html.H1(say("incidents.title", place=text.name(place["name"], lang)), className="unseen"),
                news(),
                html.Nav(
                    leaf.rows("rows.tabs", "incidents.tab", walk="list"), className="tabs",
                    **{"aria-label": say("incidents.tabs")},
                ),
                tools(say),
                html.Div([html.Div(grid(place, lang), className="list"), nothing()], className="stack"),
                html.Aside(id="case", className="case", hidden=True, **{"aria-label": say("incidents.case")}),
                foot(say),
            ],
            className="cases",
            **{"data-states": json.dumps(STATES)},
        )
    ]  # fmt: skip


def tools(say: Say) -> Component:
    """The menus are made in the browser, of what there is to choose from."""
    find = html.Label(
        [
            html.Span(say("incidents.find"), className="unseen"),
            html.Span(className="find-box"),
            html.Kbd("F", className="kbd", **{"aria-hidden": "true"}),
        ],
        className="field look",
    )
    export = html.A(say("incidents.export"), className="btn export", href="#", download="")
    return html.Div(
        [find, html.Div(className="menus"), export], className="tools", role="group",
        **{"aria-label": say("incidents.tools")},
    )  # fmt: skip


def news() -> Component:
    return html.Div(
        [html.Button(className="act", type="button"), html.Span(className="unseen", role="status")],
        className="news", hidden=True,
    )  # fmt: skip


def nothing() -> Component:
    return html.Div(className="nothing", hidden=True)


def foot(say: Say) -> Component:
    keys = [
        html.Button(
            [html.Kbd(letter.upper(), className="kbd"), say(f"incidents.key_{letter}")],
            type="button", className="hint", **{"data-hotkey": letter, "data-move": letter},
        )
        for letter in "jkf"
    ]  # fmt: skip
    said = [
        html.Span([html.Kbd(key, className="kbd"), say(f"incidents.key_{name}")], className="hint")
        for key, name in (("↵", "enter"), ("Esc", "escape"))
    ]
    return html.Div(
        [
            html.Span(className="loaded", role="status"),
            html.Button(say("incidents.more"), type="button", className="btn s more", hidden=True),
            html.Span(className="orders"),
            html.Span([*keys, *said], className="hints no-phone"),
        ],
        className="foot",
    )


def grid(place: Json, lang: str) -> Component:
    say = text.speaker(lang)
    columns = [
        column(name, width + (more if lang == "en" else 0), grow, place, say)
        for name, width, grow, more in COLUMNS
    ]
    return dag.AgGrid(
        id=GRID,
        columnDefs=columns,
        defaultColDef={"sortable": False, "suppressMovable": True, "suppressHeaderMenuButton": True},
        getRowId="params.data.id",
        rowClassRules={"gone": "params.data.gone", "changed": "params.data.changed"},
        className="",
        style={"height": "100%", "width": "100%"},
        dashGridOptions={**OPTIONS, "localeText": {key: word and say(word) for key, word in SPOKEN.items()}},
    )


def column(name: str, width: int, grow: int, place: Json, say: Say) -> Json:
    size: Json = {"flex": grow, "minWidth": width} if grow else {"width": width}
    return {
        "colId": name,
        "headerName": head(name, place, say),
        "cellRenderer": "Case",
        "cellRendererParams": {"cell": name},
        "valueGetter": {"function": f"caseText(params.data, '{name}')"},
        "hide": name == "card" or (name == "below" and place["tier"] == 5),
        "cellClass": f"at-{name}",
        "headerClass": f"at-{name}",
        **size,
    }


def head(name: str, place: Json, say: Say) -> str:
    if name == "below":
        return say(f"tier.{min(5, place['tier'] + 1)}")
    return say(f"incidents.head_{name}")
