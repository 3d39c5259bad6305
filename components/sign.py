"""What stands on the page of one sign before it is filled?"""

from collections.abc import Callable
from typing import Any

from dash import html
from dash.development.base_component import Component

from components import leaf, text

Say = Callable[..., str]
CHART = "chart.series"


def body(place: dict[str, Any], lang: str) -> list[Component]:
    say = text.speaker(lang)
    left = [
        tools(say),
        leaf.rows("rows.notes", "sign.note", className="notes"),
        plot(say),
        ranked(say),
        assets(say),
    ]
    right = [definition(say), cases(say), quality(say)]
    parts = [
        leaf.rows("rows.head", "sign.head", "Div", className="head"),
        html.Div(left, className="col left"),
        html.Div(right, className="col right"),
    ]
    return [html.Div(parts, className="sign")]


def tools(say: Say) -> Component:
    def segment(name: str) -> Component:
        return leaf.rows(
            f"rows.{name}", "sign.segment", "Nav", className="seg", aria_label=say(f"sign.{name}")
        )

    legend = leaf.rows("rows.legend", "sign.legend", className="legend", aria_label=say("sign.legend"))
    return html.Div(
        [segment("windows"), segment("grains"), chooser(say), legend, exports(say)], className="tools"
    )


def chooser(say: Say) -> Component:
    """Other places and assets to be drawn beside this one; drawn at once by one button, by keyboard too."""
    choices = leaf.rows("rows.choices", "sign.choice", empty="sign.no_choice", aria_label=say("sign.choices"))
    draw = html.Button(say("sign.draw"), className="btn main-act", **{"data-draw": "", "type": "button"})
    panel = html.Div([html.P(say("sign.beside_note"), className="mute xs"), choices, draw], className="panel")
    count = leaf.leaf("text.beside", "sign.beside")
    return html.Details(
        [html.Summary(count, className="btn s", **{"data-hotkey": "c"}), panel], className="chooser"
    )


def exports(say: Say) -> Component:
    pictures = [
        html.Button(
            kind.upper(), className="act", **{"data-export": kind, "data-chart": CHART, "type": "button"}
        )
        for kind in ("png", "svg")
    ]
    csv = leaf.rows("rows.export", "sign.export", "Span")
    return html.Span(
        [say("word.export"), csv, *pictures],
        className="exports",
        role="group",
        **{"aria-label": say("word.export")},
    )


def plot(say: Say) -> Component:
    why = leaf.leaf("text.why", "word", "P", words="sign", blank="", className="why")
    return html.Div([leaf.chart(CHART, say("sign.chart")), why], className="plot")


def ranked(say: Say) -> Component:
    rows = leaf.rows("rows.ranked", "sign.child", walk="grid", also="text.scale")
    return leaf.section(
        say("sign.children"), rows, small=[leaf.leaf("text.scale", "sign.scale", blank="")],
        more=leaf.rows("rows.export_children", "sign.export", "Span", className="exports"),
        className="ranked",
    )  # fmt: skip


def assets(say: Say) -> Component:
    heads = [
        say("sign.asset"), say("word.where"), say("word.status"), (say("word.value"), "num"),
        say("sign.hours"), (say("word.age"), "num"),
    ]  # fmt: skip
    table = leaf.table("rows.assets", "sign.asset", heads, say("sign.assets"), walk="list")
    small = [leaf.leaf("text.assets", "sign.assets_of", blank="")]
    return leaf.section(
        say("sign.assets"), html.Div(table, className="scroll"), small=small, className="posts"
    )


def definition(say: Say) -> Component:
    """Folded on a phone, where the course comes first."""
    title = html.Summary(
        [html.H2(say("sign.definition")), leaf.rows("rows.flags", "sign.flag", className="flags")]
    )
    facts = leaf.rows("rows.facts", "sign.fact", "Dl", className="facts-of")
    return html.Section(
        html.Details([title, facts], open=True),
        className="sec definition",
        **{"aria-label": say("sign.definition")},
    )


def cases(say: Say) -> Component:
    rows = leaf.rows("rows.incidents", "sign.incident", walk="list")
    return leaf.section(say("sign.cases"), rows, small=say("sign.cases_note"), className="cases")


def quality(say: Say) -> Component:
    facts = leaf.rows("rows.quality", "sign.fact", "Dl", className="facts-of")
    return leaf.section(say("sign.quality"), facts, small=say("sign.quality_note"), className="quality")
