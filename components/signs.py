"""What stands on the page of all signs before it is filled?"""

from typing import Any

from dash import html
from dash.development.base_component import Component

from components import leaf, text


def body(place: dict[str, Any], lang: str) -> list[Component]:
    say = text.speaker(lang)
    title = html.H1(
        [
            say("signs.title"),
            html.Small(
                [
                    leaf.leaf("text.expected", "signs.expected", blank=say("signs.nothing_expected")),
                    leaf.leaf("text.live", "signs.live", blank=""),
                    leaf.leaf("text.share", "signs.share", blank=""),
                ]
            ),
        ]
    )
    csv = f"/api/v1/signs?place={place['code']}&format=csv"
    side = html.Div(
        [
            leaf.rows("rows.levels", "signs.level", aria_label=say("signs.levels")),
            leaf.export_links(csv, lang),
        ],
        className="side",
    )
    head = [
        title,
        leaf.rows("rows.states", "signs.state", "Nav", className="seg", aria_label=say("signs.filter")),
        side,
    ]
    grid = leaf.rows(
        "rows.domains",
        "signs.domain",
        "Div",
        walk="grid",
        also="rows.signs",
        empty="signs.no_such",
        className="grid",
    )
    return [html.Div([html.Header(head, className="head"), grid], className="signs")]
