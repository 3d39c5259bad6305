"""What stands on a wall before it is filled?"""

from collections.abc import Callable
from typing import Any

from dash import html
from dash.development.base_component import Component

from components import frame, leaf, text
from data.domain.urgency import OPEN_STAGES

Say = Callable[..., str]

CENTRES = 2  # tiers that have a centre of operations

# What an eye eight metres away must not be asked: three steps for six.
PARTS = {"taken": (1, 2, 3), "worked": (4, 5), "checked": (6,)}


def body(place: dict[str, Any], lang: str) -> list[Component]:
    say = text.speaker(lang)
    parts = [
        header(place, say, lang),
        band(say),
        frame.notice(),
        signs(say),
        where(place, say),
        incidents(say),
        today(place, say),
        ticker(say),
        html.P(say("wall.too_small"), className="w-too-small", role="alert"),
    ]
    return [html.Div(parts, className="w")]


# ── the header ──────────────────────────────────────────────────────────────────────────────────
def header(place: dict[str, Any], say: Say, lang: str) -> Component:
    above = [text.name(one["name"], lang) for one in place["ancestors"][1:][-1:]]
    line = say("wall.join").join([*above, say(f"wall.tier_{place['tier']}")])
    title = [
        html.H1(
            say(
                "wall.title" if place["tier"] <= CENTRES else "wall.title_below",
                place=text.name(place["name"], lang),
            ),
            className="w-cut",
        )
    ]
    under = html.P([html.Span(line, className="w-cut"), frame.simulated(lang)], className="w-line")
    groups = {
        "a": [html.Div([*title, under], className="w-name"), collected(say)],
        "b": [
            html.Div(
                [
                    mode(),
                    leaf.rows("rows.decisions", "wall.decision", data_fit="down", empty="wall.no_decision"),
                ],
                className="w-mode",
            ),
            warnings(),
        ],
        "c": [verdict(say), connection(say, lang)],
        "d": [html.Div(frame.clock(lang), className="w-clock")],
    }
    return html.Header(
        [html.Div(parts, className=f"w-group w-group-{name}") for name, parts in groups.items()],
        className="w-head",
    )


def collected(say: Say) -> Component:
    share = [leaf.leaf("text.share", "share", "b", className="w-hero"), html.Span("%", className="w-u")]
    label = [html.Span(say("wall.collected")), leaf.leaf("text.coverage", "wall.low", blank="")]
    line = html.Small(
        [
            leaf.leaf("text.coverage", "coverage"),
            leaf.leaf("text.places", "wall.places", blank="", className="w-wide"),
        ]
    )
    parts = [html.Span(share, className="w-nw"), html.Div([html.P(label, className="w-line"), line])]
    return html.Div(parts, className="w-kpi w-dims")


def mode() -> Component:
    return html.Div(leaf.leaf("text.mode", "wall.mode"), className="w-chip w-dims")


def warnings() -> Component:
    return leaf.rows(
        "rows.warnings",
        "wall.warning",
        data_fit="down",
        className="w-warnings w-dims",
        empty="wall.no_warning",
    )


def verdict(say: Say) -> Component:
    return html.P(leaf.leaf("text.verdict", "overview.verdict"), className="w-verdict w-wide w-dims")


def connection(say: Say, lang: str) -> Component:
    live = html.Span(say("wall.live"), className="w-live")
    return html.Div([live, frame.connection(lang)], className="w-connection")


def band(say: Say) -> Component:
    """Only when the picture is old."""
    return html.Div(
        [
            leaf.leaf("frame.now", "wall.stopped", "b"),
            leaf.leaf("frame.now", "wall.cause"),
            html.Span(say("wall.reconnecting"), className="w-right w-wide"),
        ],
        className="w-band",
    )


# ── the four regions ────────────────────────────────────────────────────────────────────────────
def region(name: str, title: list[Any], *parts: Any, label: str) -> Component:
    as_of = leaf.leaf("frame.now", "wall.as_of", className="w-as-of")
    head = html.H2([*title, as_of], className="w-big")
    return html.Section([head, *parts], className=f"w-region w-{name}", **{"aria-label": label})


def heading(words: str, *right: Any) -> Component:
    return html.H2([html.Strong(words), *right])


def right(*parts: Any, className: str = "") -> Component:
    return html.Span(list(parts), className=f"w-right {className}".strip())


def signs(say: Say) -> Component:
    title = [
        html.Strong(say("wall.abnormal")),
        leaf.leaf("text.abnormal", "count", "b", className="w-num"),
        leaf.rows("rows.levels", "wall.level", className="w-right w-levels"),
    ]
    counts = [
        html.Small(
            [html.I(className="w-sw w-hatch"), say("wall.stale"), " ", leaf.leaf("text.stale", "count")]
        ),
        html.Small(
            [html.I(className="w-sw w-dots"), say("wall.none"), " ", leaf.leaf("text.silent", "count")]
        ),
        html.Small([say("wall.normal"), " ", leaf.leaf("text.normal", "count", blank="—")]),
        right(html.Small(more("rows.signs", "text.abnormal")), className="w-wide"),
    ]
    return region(
        "signs", title,
        leaf.leaf(
            "text.expected", "wall.measured", "p", blank=say("wall.unmeasured"), className="w-unmeasured"
        ),
        leaf.rows("rows.signs", "wall.sign", data_fit="down", className="w-abnormal", empty="wall.calm"),
        html.H2([html.Strong(say("wall.domains")), *counts], className="w-gap"),
        leaf.rows("rows.domains", "wall.domain", data_fit="down", data_room="", className="w-ledger"),
        label=say("wall.abnormal"),
    )  # fmt: skip


def more(key: str, total: str) -> Component:
    """How many are not shown; counted by the browser, which knows the room."""
    return html.Span(**{"data-more": key, "data-total": total})


def where(place: dict[str, Any], say: Say) -> Component:
    below = place["children"][:1]
    worst_of = say("wall.worst_of", tier=say(f"wall.each_{below[0]['tier']}")) if below else say("wall.here")
    title = html.P(
        [
            leaf.leaf("text.focus", "wall.focus", "b", blank=worst_of),
            leaf.leaf("frame.now", "wall.as_of", className="w-as-of"),
            html.Small([leaf.leaf("text.open", "wall.on_map"), " · ", say("wall.schematic")]),
        ],
        className="w-map-title",
    )
    key = html.P(
        [
            *(
                html.Small([html.I(className=f"w-sw w-{one}"), say(f"status.{one}")])
                for one in ("alarm", "warning")
            ),
            *(
                html.Small([html.I(className=f"w-sw w-{kind}"), say(f"wall.{word}")])
                for kind, word in (("land", "normal"), ("hatch", "stale"), ("dots", "none"))
            ),
        ],
        className="w-key",
    )
    drawn = html.Div(
        className="w-map-box", **{"data-wall-map": "layer.places", "data-points": "layer.incidents"}
    )
    return html.Section([title, drawn, key], className="w-map w-region", **{"aria-label": say("word.map")})


def incidents(say: Say) -> Component:
    title = [
        html.Strong(say("wall.open")),
        leaf.leaf("text.open", "count", "b", className="w-num"),
        right(say("wall.overdue"), leaf.leaf("text.overdue", "wall.late")),
    ]
    steps = [html.Th(say(f"wall.stage_{stage}"), className="w-wide", scope="col") for stage in OPEN_STAGES]
    parts = [html.Th(say(f"wall.{part}"), className="w-slim", scope="col") for part in PARTS]
    heads = [html.Th(say("wall.level"), scope="col"), *steps, *parts]
    heads += [html.Th(say(f"wall.{name}"), scope="col") for name in ("open_short", "overdue")]
    matrix = html.Table(
        [html.Thead(html.Tr(heads)), leaf.rows("rows.matrix", "wall.grade", "Tbody")],
        className="w-matrix", **{"aria-label": say("wall.matrix")},
    )  # fmt: skip
    note = right(html.Small(say("wall.clocks_note")), className="w-wide")
    clocks = leaf.rows(
        "rows.clocks", "wall.clock", data_fit="down", data_split="overdue", className="w-clocks",
        empty="wall.no_clock",
    )  # fmt: skip
    head = html.H2([html.Strong(say("wall.clocks")), note], className="w-gap")
    return region("inc", title, matrix, head, clocks, label=say("wall.open"))


def today(place: dict[str, Any], say: Say) -> Component:
    """On a narrow wall only the titles stay."""
    title = [
        html.Strong(say("wall.today")),
        leaf.leaf("text.reported", "count", "b", className="w-num"),
        right(html.Small([say("wall.yesterday"), " ", leaf.leaf("text.reported_before", "count")])),
    ]
    longest = html.Small([say("wall.longest"), " ", leaf.leaf("text.silent_since", "wall.age")])
    parts = [
        hours(say),
        *listed("children", say, html.Small(say("wall.children_note"))),
        *listed("classes", say, html.Small(say("wall.classes_note"))),
        *listed("feeds", say, longest),
    ]
    return region(
        "day " + ("w-lower" if place["children"] else "w-leaf"), title, *parts, label=say("wall.today")
    )


def hours(say: Say) -> Component:
    axis = html.P([html.Small(str(hour)) for hour in (0, 6, 12, 18, 24)], className="w-axis")
    bars = leaf.rows("rows.hours", "wall.hour", "Div", className="w-hours", also="rows.hours")
    return html.Div([bars, axis], className="w-chart w-wide", role="img", **{"aria-label": say("wall.hours")})


def listed(name: str, say: Say, note: Component) -> list[Component]:
    """On a narrow wall the first row stands beside the title."""
    first = leaf.leaf(f"rows.{name}", f"wall.first_{name}", blank="")
    head = [
        html.Strong(say(f"wall.{name}")),
        right(note, className="w-wide"),
        right(first, className="w-slim"),
    ]
    rows = leaf.rows(
        f"rows.{name}", f"wall.{name}", data_fit="down", className="w-list w-wide", empty=f"wall.no_{name}"
    )
    return [html.H2(head, className=f"w-gap w-of-{name}"), html.Div(rows, className=f"w-of-{name} w-grow")]


def ticker(say: Say) -> Component:
    """Replaced when something happens, never moved."""
    acts = leaf.rows("rows.acts", "wall.act", data_fit="across", className="w-acts", empty="wall.no_act")
    return html.Footer(
        [html.B(say("wall.acts")), acts], className="w-tick", **{"aria-label": say("wall.acts")}
    )
