"""What would a good engineer write in a day? The same questions in plain Dash: callbacks, SQL, roll-ups."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import dash_ag_grid as dag
import plotly.graph_objects as go
from dash import Dash, Input, Output, dcc, html
from flask.testing import FlaskClient
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

Rows = list[dict[str, Any]]
Ask = Callable[..., Rows]
STATUS = ("normal", "attention", "warning", "alarm", "stale", "none")


class Peer:
    """Its application on a database of ours; `post` asks what a browser's timer asks."""

    def __init__(self, conninfo: str) -> None:
        self.pool = ConnectionPool(
            conninfo, min_size=1, kwargs={"row_factory": dict_row, "autocommit": True}, open=True
        )
        self.dash = Dash(__name__, suppress_callback_exceptions=True)
        self.dash.layout = html.Div(
            [dcc.Location(id="url"), dcc.Interval(id="tick", interval=5000), html.Div(id="content")]
        )
        self.dash.callback(
            Output("content", "children"), Input("tick", "n_intervals"), Input("url", "pathname")
        )(lambda _tick, path: PAGES[path.split("/")[1]](self.ask, *path.split("/")[2:]))
        self.client: FlaskClient = self.dash.server.test_client()
        self.client.get("/_dash-layout")

    def ask(self, query: str, *values: object) -> Rows:
        with self.pool.connection() as conn:
            return conn.execute(query, values).fetchall()

    def post(self, path: str) -> bytes:
        given = [
            {"id": "tick", "property": "n_intervals", "value": 1},
            {"id": "url", "property": "pathname", "value": path},
        ]
        body = {
            "output": "content.children", "outputs": {"id": "content", "property": "children"},
            "inputs": given, "changedPropIds": ["tick.n_intervals"], "state": [],
        }  # fmt: skip
        answer = self.client.post(
            "/_dash-update-component", data=json.dumps(body), content_type="application/json"
        )
        assert answer.status_code == 200, answer.get_data(as_text=True)[:500]
        return answer.get_data()

    def close(self) -> None:
        self.pool.close()


# ── what every page needs ───────────────────────────────────────────────────────────────────────
def place_of(ask: Ask, code: str) -> dict[str, Any]:
    return ask("SELECT * FROM place WHERE code = %s", code)[0]


def bounds(path: str) -> tuple[str, str]:
    return path, f"{path[:-1]}0"


def signs_of(ask: Ask, place: dict[str, Any]) -> Rows:
    """Of a shared sign that is not measured here the nearest value above."""
    rows = ask(
        """SELECT * FROM (
             SELECT DISTINCT ON (s.no) s.no, n.id, s.code, s.name_zh, s.unit, s.domain, l.value, l.at, l.live,
                    n.expected, status_of(l.live, l.rank, l.at) AS status
             FROM node n JOIN latest l ON l.id = n.id JOIN sign s ON s.code = n.sign
             WHERE n.asset = '' AND (n.place = %s OR s.shared AND n.place = ANY(%s))
             ORDER BY s.no, n.tier DESC) shown ORDER BY no""",
        place["code"],
        place["path"].rstrip("/").split("/"),
    )
    return [{**row, "status": STATUS[row["status"]], "age": age(row["at"])} for row in rows]


def age(at: datetime | None) -> str:
    return "—" if at is None else f"{(datetime.now(UTC) - at).total_seconds() / 60:.0f} min"


def grid(rows: Sequence[dict[str, Any]], *columns: str) -> dag.AgGrid:
    return dag.AgGrid(
        rowData=[{name: text(row[name]) for name in columns} for row in rows],
        columnDefs=[{"field": name} for name in columns],
        className="ag-theme-alpine-dark",
    )


def text(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def card(title: str, value: object) -> html.Div:
    return html.Div([html.H4(title), html.P(str(value))], className="card")


def table(rows: Sequence[Sequence[object]]) -> html.Table:
    return html.Table([html.Tr([html.Td(str(cell)) for cell in row]) for row in rows])


def lines(ask: Ask, ids: Sequence[int], hours: int = 24) -> dict[int, tuple[list[datetime], list[float]]]:
    rows = ask(
        """SELECT id, at, value FROM rollup_hour
           WHERE id = ANY(%s) AND at >= city_now() - %s * interval '1 hour' ORDER BY id, at""",
        list(ids),
        hours,
    )
    found: dict[int, tuple[list[datetime], list[float]]] = {}
    for row in rows:
        xs, ys = found.setdefault(row["id"], ([], []))
        xs.append(row["at"])
        ys.append(row["value"])
    return found


def chart(found: dict[int, tuple[list[datetime], list[float]]], names: dict[int, str]) -> dcc.Graph:
    figure = go.Figure(layout={"template": "plotly_dark", "height": 300})
    for id, (xs, ys) in found.items():
        figure.add_trace(go.Scatter(x=xs, y=ys, mode="lines", name=names.get(id, "")))
    return dcc.Graph(figure=figure)


def open_matrix(ask: Ask, path: str) -> html.Table:
    rows = ask(
        """SELECT coalesce(severity::text, '-') AS severity, stage, count(*) AS n,
                  count(*) FILTER (WHERE overdue) AS overdue
           FROM incident WHERE open AND path >= %s AND path < %s GROUP BY 1, 2 ORDER BY 1, 2""",
        *bounds(path),
    )
    return table([[row["severity"], row["stage"], row["n"], row["overdue"]] for row in rows])


def cases(ask: Ask, path: str, order: str, limit: int, condition: str = "open") -> dag.AgGrid:
    rows = ask(
        f"""SELECT i.number, i.class, c.name_zh AS class_name, i.severity, i.state, p.name_zh AS place, i.at,
                   i.due, i.overdue, i.holder_place, i.holder_department, i.description
            FROM (SELECT * FROM incident WHERE {condition} AND path >= %s AND path < %s
                  ORDER BY {order} LIMIT {limit}) i
            JOIN place p ON p.code = i.place
            LEFT JOIN (SELECT DISTINCT ON (code) code, name_zh FROM class ORDER BY code, no) c
              ON c.code = i.class""",
        *bounds(path),
    )
    return grid(
        rows, "number", "class", "class_name", "severity", "state", "place", "at", "due", "overdue",
        "holder_place", "holder_department", "description",
    )  # fmt: skip


def children(ask: Ask, place: dict[str, Any]) -> Rows:
    worst = ask(
        """SELECT p.code, p.name_zh, max(status_of(l.live, l.rank, l.at)) AS status, sum(l.live) AS live,
                  sum(n.expected) AS expected
           FROM place p LEFT JOIN node n ON n.place = p.code AND n.asset = ''
           LEFT JOIN latest l ON l.id = n.id
           WHERE p.parent = %s GROUP BY 1, 2 ORDER BY 1""",
        place["code"],
    )
    loads = ask(
        """SELECT split_part(path, '/', %s) AS code, count(*) AS open, count(*) FILTER (WHERE overdue) AS late
           FROM incident WHERE open AND path >= %s AND path < %s GROUP BY 1""",
        place["tier"] + 1,
        *bounds(place["path"]),
    )
    of = {row["code"]: row for row in loads}
    return [
        {
            **row,
            "status": STATUS[row["status"] if row["status"] is not None else 5],
            "open": of.get(row["code"], {}).get("open", 0),
            "late": of.get(row["code"], {}).get("late", 0),
        }
        for row in worst
    ]


def today(ask: Ask, path: str) -> dict[str, Any]:
    return ask(
        """SELECT (SELECT count(*) FROM incident WHERE at >= d AND path >= %s AND path < %s) AS reported,
                  (SELECT count(*) FROM event WHERE at >= d AND path >= %s AND path < %s
                   AND to_state = 'closed') AS closed
           FROM (SELECT date_trunc('day', city_now(), timezone) AS d FROM city) day""",
        *bounds(path),
        *bounds(path),
    )[0]


def coverage(signs: Rows) -> html.Div:
    live, expected = (sum(row[name] or 0 for row in signs) for name in ("live", "expected"))
    bad = sum(row["status"] in ("attention", "warning", "alarm") for row in signs)
    return html.Div([card("live", f"{live}/{expected}"), card("abnormal", bad)], className="kpis")


# ── the pages ───────────────────────────────────────────────────────────────────────────────────
def overview(ask: Ask, code: str) -> list[Any]:
    place = place_of(ask, code)
    signs = signs_of(ask, place)
    worst = sorted(signs, key=lambda row: STATUS.index(row["status"]) % 4, reverse=True)[:14]
    return [
        coverage(signs),
        grid(signs, "code", "name_zh", "value", "unit", "status", "age", "live", "expected"),
        chart(lines(ask, [row["id"] for row in worst]), {row["id"]: row["name_zh"] for row in worst}),
        open_matrix(ask, place["path"]),
        cases(ask, place["path"], "overdue DESC, severity NULLS LAST, due NULLS LAST", 24),
        grid(children(ask, place), "code", "name_zh", "status", "live", "expected", "open", "late"),
        *(card(name, n) for name, n in today(ask, place["path"]).items()),
    ]


def signs(ask: Ask, code: str) -> list[Any]:
    rows = signs_of(ask, place_of(ask, code))
    sparks = lines(ask, [row["id"] for row in rows])
    rows = [{**row, "spark": str(sparks.get(row["id"], ([], []))[1])} for row in rows]
    return [
        coverage(rows),
        grid(rows, "code", "name_zh", "domain", "value", "unit", "status", "age", "spark"),
    ]


def sign(ask: Ask, code: str, place_code: str) -> list[Any]:
    place = place_of(ask, place_code)
    above = place["path"].rstrip("/").split("/")
    nodes = ask(
        """SELECT n.id, n.place, p.name_zh, l.value, l.at, l.live, n.expected,
                  status_of(l.live, l.rank, l.at) AS status
           FROM node n JOIN latest l ON l.id = n.id JOIN place p ON p.code = n.place
           WHERE n.sign = %s AND n.asset = '' AND (n.place = ANY(%s) OR p.parent = %s)
           ORDER BY n.tier, n.place""",
        code,
        above,
        place_code,
    )
    own = [row for row in nodes if row["place"] in above][-1:]
    return [
        chart(lines(ask, [row["id"] for row in own], 192), {row["id"]: row["name_zh"] for row in own}),
        chart(lines(ask, [row["id"] for row in nodes]), {row["id"]: row["name_zh"] for row in nodes}),
        grid(nodes, "place", "name_zh", "value", "at", "live", "expected", "status"),
        cases(ask, place["path"], "at DESC", 6, f"sign = '{code}'"),
    ]


def incidents(ask: Ask, code: str) -> list[Any]:
    place = place_of(ask, code)
    return [
        open_matrix(ask, place["path"]),
        *(card(name, n) for name, n in today(ask, place["path"]).items()),
        cases(ask, place["path"], "at DESC, id DESC", 100),
    ]


def sources(ask: Ask) -> list[Any]:
    rows = ask(
        """SELECT s.feed, s.kind, s.last_at, sum(l.received)::bigint AS received,
                  sum(l.rejected)::bigint AS rejected
           FROM source s LEFT JOIN ledger l ON l.feed = s.feed AND l.hour > city_now() - interval '24 hours'
           GROUP BY 1, 2, 3 ORDER BY 1"""
    )
    return [grid(rows, "feed", "kind", "last_at", "received", "rejected")]


def wall(ask: Ask, code: str) -> list[Any]:
    place = place_of(ask, code)
    found = signs_of(ask, place)
    hours = ask(
        """SELECT date_trunc('hour', at, 'Asia/Shanghai') AS hour, count(*) AS n FROM incident
           WHERE at >= city_now() - interval '2 days' AND path >= %s AND path < %s GROUP BY 1 ORDER BY 1""",
        *bounds(place["path"]),
    )
    bars = go.Figure(
        go.Bar(x=[row["hour"] for row in hours], y=[row["n"] for row in hours]),
        layout={"template": "plotly_dark"},
    )
    points = ask(
        """SELECT i.id::text, i.severity, i.point[0] AS lon, i.point[1] AS lat FROM incident i
           WHERE open AND severity IS NOT NULL AND path >= %s AND path < %s ORDER BY severity LIMIT 200""",
        *bounds(place["path"]),
    )
    marks = go.Figure(
        go.Scatter(
            x=[row["lon"] for row in points], y=[row["lat"] for row in points], mode="markers",
            marker={"color": [row["severity"] for row in points]},
        ),
        layout={"template": "plotly_dark"},
    )  # fmt: skip
    return [
        coverage(found),
        html.Div([card(row["name_zh"], row["value"]) for row in found[:40]]),
        open_matrix(ask, place["path"]),
        cases(ask, place["path"], "overdue DESC, severity NULLS LAST, due", 12),
        grid(children(ask, place), "code", "name_zh", "status", "open", "late"),
        dcc.Graph(figure=bars),
        dcc.Graph(figure=marks),
    ]


PAGES: dict[str, Callable[..., list[Any]]] = {
    "overview": overview, "signs": signs, "sign": sign, "incidents": incidents, "sources": sources,
    "wall": wall,
}  # fmt: skip
