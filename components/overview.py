"""What stands on the overview before it is filled?"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from dash import html
from dash.development.base_component import Component

from components import leaf, map, text
from components.frame import address
from data.domain.urgency import OPEN_STAGES

Say = Callable[..., str]
Link = Callable[..., str]

PAINTED = 8  # cases
FEW = 6  # so few children leave room for the assets


def body(place: dict[str, Any], lang: str) -> list[Component]:
    say, code = text.speaker(lang), place["code"]

    def link(path: str, **query: str) -> str:
        return address(f"/{path}/{code}", lang, **query)

    lower = [ranking(say)] if place["children"] else []
    room = [standing(say)] if len(place["children"]) <= FEW else []
    csv = {
        name: leaf.export_links(f"/api/v1/{name}?place={code}&format=csv{asked}", lang)
        for name, asked in (("signs", ""), ("incidents", "&state=open"))
    }
    columns = (
        sign_sections(say, link, csv["signs"]),
        [where(place, say, lang), *lower, *room],
        case_sections(say, link, csv["incidents"]),
    )
    parts = [headline(say), tiles(say, link), *(html.Div(column, className="col") for column in columns)]
    return [html.Div(parts, className="ov")]


def headline(say: Say) -> Component:
    sentence = [
        leaf.leaf("text.verdict", "overview.verdict"),
        leaf.leaf("text.where", "overview.where", "small", blank=""),
    ]
    force = [leaf.rows("rows.warnings", "overview.warning"), leaf.rows("rows.decisions", "overview.decision")]
    facts = html.Div(force, className="facts", role="group", **{"aria-label": say("overview.facts")})
    return html.Section(
        [html.H1(sentence), facts], className="verdict", **{"aria-label": say("overview.title")}
    )


def tiles(say: Say, link: Link) -> Component:
    share = leaf.rows("rows.share", "overview.share", "Span", className="cov", aria_hidden="true")
    age = leaf.leaf("text.newest", "ago", "em", blank="")
    at_once = html.Em(say("overview.at_once"))
    before = {name: leaf.leaf(f"text.{name}_before", "overview.yesterday") for name in ("reported", "closed")}
    quiet = partial(leaf.leaf, "text.quiet", "word")
    cases = say("overview.case_unit")
    row = [
        tile(
            say, link("signs"), "coverage", ("share", "share"), "%",
            leaf.rows("rows.share", "overview.unheard", empty="overview.not_measured"), act="gaps_act",
            beside=[leaf.leaf("text.coverage", "overview.reporting", blank=""), share],
        ),
        tile(
            say, link("signs", state="abnormal"), "abnormal", ("abnormal", "count"),
            say("overview.abnormal_unit"),
            [leaf.rows("rows.levels", "overview.level"), quiet(words="overview", blank="")], beside_label=age,
        ),
        tile(
            say, link("incidents"), "open", ("open", "count"), cases,
            leaf.rows("rows.grades", "overview.grade", empty="overview.no_open"), beside_label=at_once,
        ),
        tile(
            say, link("incidents", overdue="true"), "overdue", ("overdue", "overview.late"),
            cases, leaf.leaf("text.longest", "overview.longest", blank=say("overview.no_overdue")),
            beside_label=at_once,
        ),
        tile(
            say, link("incidents", state="all"), "reported", ("reported", "count"), cases, before["reported"],
            act="act_list",
        ),
        tile(
            say, link("incidents", state="closed,forced_close"), "closed", ("closed", "count"), cases,
            before["closed"], act="act_list",
        ),
    ]  # fmt: skip
    return html.Section(row, className="kpis", **{"aria-label": say("overview.tiles")})


def tile(
    say: Say,
    href: str,
    name: str,
    value: tuple[str, str],
    unit: str,
    under: Component | list[Component],
    *,
    act: str = "act_open",
    beside: Sequence[Component] = (),
    beside_label: Component | None = None,
) -> Component:
    """One figure and what it is made of; the whole of it leads to its list."""
    key, format = value
    label = [say(f"overview.{name}"), beside_label, html.Span(say(f"overview.{act}"), className="act")]
    figure = [leaf.leaf(f"text.{key}", format, "b"), html.Span(unit), *beside]
    return html.A(
        [
            html.Span([part for part in label if part is not None], className="lab"),
            html.Span(figure, className="val"),
            html.Span(under, className="sub"),
        ],
        href=href,
        className=f"kpi {name}",
    )


def sign_sections(say: Say, link: Link, export: Component) -> list[Component]:
    more = [
        export,
        html.A(say("overview.all_signs"), href=link("signs"), **{"data-hotkey": "s"}),
    ]

    def part(name: str, title: str, *around: Component, more: list[Component] | None = None) -> Component:
        rows = leaf.rows(f"rows.{name}", "overview.sign", walk="list", also="rows.signs")
        small = say(f"overview.{title}_note")
        return leaf.section(say(f"overview.{title}"), rows, *around, small=small, more=more, className=name)

    why_none = leaf.leaf("text.quiet", "word", "P", words="overview", blank="", className="empty")
    return [part("worst", "signs", why_none, more=more), part("gaps", "gaps"), part("rest", "rest")]


def where(place: dict[str, Any], say: Say, lang: str) -> Component:
    small = say("overview.map_children" if place["children"] else "overview.map_here")
    drawn = map.place_map("layer.places", place, lang, points="layer.incidents")
    return leaf.section(say("overview.map"), drawn, small=small, className="map-of")


def ranking(say: Say) -> Component:
    heads = ("child", "worst", "abnormal_short", "open_short", "overdue_short", "coverage_short")
    return listed(say, "ranking", ("rows.children", "overview.child"), heads, words=2)


def standing(say: Say) -> Component:
    return listed(
        say, "assets", ("rows.assets", "overview.asset"), ("asset", "measures", "latest", "age"), words=2
    )


def listed(say: Say, name: str, table: tuple[str, str], heads: Sequence[str], *, words: int) -> Component:
    """A table that scrolls by itself; its first columns hold words, the others numbers."""
    title = say(f"overview.{name}")
    said = [say(f"overview.{head}") for head in heads]
    columns = [*said[:words], *((head, "num") for head in said[words:])]
    body = leaf.table(*table, columns, title, walk="list", empty=f"overview.no_{name}")
    return leaf.section(
        title, html.Div(body, className="scroll"), small=say(f"overview.{name}_note"),
        more=export_of(say, table[0], title), className=f"rank {name}",
    )  # fmt: skip


def export_of(say: Say, key: str, title: str) -> Component:
    """Of a table that no address answers: written in the browser."""
    button = html.Button(
        "CSV", type="button", className="act",
        **{"data-table": key, "aria-label": f"{say('word.export')} {title} CSV"},
    )  # fmt: skip
    return html.Span([say("word.export"), button], className="exports")


def case_sections(say: Say, link: Link, export: Component) -> list[Component]:
    all_open = html.A(say("overview.all_incidents"), href=link("incidents"), **{"data-hotkey": "i"})
    rows = leaf.rows(
        "rows.incidents", "overview.incident", top=PAINTED, walk="list", also="rows.incidents",
        empty="overview.no_incidents",
    )  # fmt: skip
    stages = [(say(f"overview.stage_{stage}"), "num") for stage in OPEN_STAGES]
    title = say("overview.matrix")
    heads = [say("overview.severity"), *stages, (say("overview.sum"), "num")]
    matrix = leaf.table("rows.matrix", "overview.grade_row", heads, title, walk="grid")
    more = [export, all_open]
    return [
        leaf.section(
            say("overview.incidents"), rows, small=say("overview.incidents_note"), more=more,
            className="pressing",
        ),
        leaf.section(
            title, matrix, small=say("overview.matrix_note"), more=export_of(say, "rows.matrix", title),
            className="mat",
        ),
    ]  # fmt: skip
