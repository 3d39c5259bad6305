"""Sources: which feeds speak, how often, and what became of all that they sent?"""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html

from components import leaf, text
from data.live import Ask, Subject
from data.queries import city, sources, verify
from pages import _frame

Json = dict[str, Any]
Row = Mapping[str, Any]

KINDS = ("sensing", "government", "society")
COUNTS = ("received", "stored", "same", "rejected")
HOURS = 24


def state(subject: Subject, ask: Ask) -> Json:
    feeds = sources.ledger(HOURS)
    return {
        **{f"text.{name}": sum(feed["day"][name] for feed in feeds) for name in COUNTS},
        "text.feeds": len(feeds),
        "text.worker": city.worker_at(),
        "text.history": city.city_row()["history"],
        "rows.verified": verified(),
        **{f"rows.{kind}": [row(feed) for feed in feeds if feed["kind"] == kind] for kind in KINDS},
    }


def verified() -> list[Json]:
    """The last verification; none before the first."""
    last = verify.last()
    return [] if last is None else [{"id": "last", **last}]


def row(feed: Row) -> Json:
    return {"id": feed["feed"], **feed, "reasons": reasons(feed["reasons"])}


def reasons(counted: Mapping[str, int]) -> Sequence[Json]:
    """The commonest first."""
    return [
        {"code": code, "n": n} for code, n in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def body(place: Json, lang: str) -> list[Any]:
    say = text.speaker(lang)
    return [
        html.Section(
            html.H1([say("sources.title"), html.Small(say("sources.about"))]), className="verdict",
            **{"aria-label": say("sources.title")},
        ),
        html.Section(tiles(say), className="kpis", **{"aria-label": say("sources.tiles")}),
        html.Div([kind_section(kind, lang) for kind in KINDS], className="feeds"),
    ]  # fmt: skip


def tiles(say: Any) -> list[Any]:
    day = say("sources.day")
    counts = [tile(say(f"sources.{name}"), day, leaf.leaf(f"text.{name}", "count", "B")) for name in COUNTS]
    return [
        tile(say("sources.feeds"), "", leaf.leaf("text.feeds", "count", "B")),
        *counts,
        tile(say("sources.worker"), "", leaf.leaf("text.worker", "ago", "B")),
        tile(
            say("sources.history"), "",
            leaf.leaf("text.history", "percent", "B", digits=0, blank=say("sources.history_none")),
        ),
        html.Div(
            [
                html.Span([say("verify.title"), html.Em(say("verify.about"))], className="lab"),
                leaf.rows("rows.verified", "sources.verified", "Div", empty="verify.never"),
            ],
            className="kpi verified",
        ),
    ]  # fmt: skip


def tile(name: str, why: str, value: Any) -> Any:
    return html.Div(
        [
            html.Span([name, html.Em(why)] if why else name, className="lab"),
            html.Span(value, className="val"),
        ],
        className="kpi",
    )


def kind_section(kind: str, lang: str) -> Any:
    say = text.speaker(lang)
    numbers = [(say(f"sources.{name}"), "num") for name in ("rate", *COUNTS, "share")]
    heads = [
        say("sources.feed"), (say("sources.seen"), "num"), (say("sources.hours"), "spark-head"), *numbers,
        say("sources.reasons"),
    ]  # fmt: skip
    table = leaf.table(
        f"rows.{kind}",
        "sources.feed",
        heads,
        label=say(f"sources.{kind}"),
        empty="sources.no_feed",
        walk="list",
    )
    export = leaf.export_links(f"/api/v1/sources?format=csv&lang={lang}", lang)
    more = export if kind == KINDS[0] else None
    return leaf.section(
        say(f"sources.{kind}"),
        html.Div(table, className="scroll"),
        small=say(f"sources.{kind}_why"),
        more=more,
    )


_frame.register_page(
    __name__, name="sources", path="/sources", state=state, body=body,
    kinds=("sources", "signs", "incidents"), subject=_frame.root_subject, strip=False,
)  # fmt: skip
