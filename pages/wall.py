"""Wall: what does a hall eight metres away have to see of a place?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from components import text
from components import wall as skeleton
from data.domain.place import codes_in, tier_of
from data.domain.spread import focus
from data.domain.urgency import BAD, GAPS, Lists, ranked, sorted_signs
from data.domain.verdict import COVERAGE_WANTED
from data.live import Ask, Subject
from data.queries import city, overview, signs, wall
from pages import _frame
from pages._wall_cases import blank_if, cases, today, verdict

Json = dict[str, Any]
Row = Mapping[str, Any]

SIGNS = 6  # rows of abnormal signs
FEW, KEYS, MORE_KEYS = 6, 2, 6  # signs a tile names; the more, where domains are few
CLOCKS, POINTS, ACTS, FEEDS, CHILDREN = 6, 200, 6, 6, 8
MODE, URGENT = "平急", "急"
NORMAL, STALE, NONE = "normal", "stale", "none"


def state(subject: Subject, ask: Ask) -> Json:
    code, here = codes_in(subject.path)[-1], city.city_row()
    unit = units(here["units"], ask.lang)
    board, glance = signs.board(code), signs.summary(code)
    lists = sorted_signs(board["signs"])
    load = wall.cases(subject.path, tier_of(subject.path), clocks=CLOCKS, points=POINTS, acts=ACTS)
    heard = feeds()
    return blank_if(heard["text.feeds"] is None, {
        **coverage(board, glance),
        **sign_rows(code, lists, here["domains"], unit),
        **places(code, lists, glance, unit),
        **cases(load, subject.path),
        **verdict(board, lists, load["matrix"]),
        **today(subject.path, board["at"].astimezone(ZoneInfo(here["timezone"]))),
        **ranking(glance, load["children"]),
        **heard,
        **in_force(overview.in_force(subject.path), ask.lang),
    })  # fmt: skip


def units(own: Mapping[str, str], lang: str) -> Callable[[str], str]:
    """A unit in the asked language; the city's own words come first."""
    if lang == "zh":
        return lambda unit: unit
    words = text.table(lang)
    return lambda unit: own.get(unit) or words.get(f"unit.{unit}", unit)


# ── signs ───────────────────────────────────────────────────────────────────────────────────────
def coverage(board: Json, glance: Json) -> Json:
    """`places`: how many of the places below report at all; None where nothing is measured there."""
    live, expected = board["live"], board["expected"]
    below = [child for child in glance["children"] if child["expected"]]
    places = {"live": sum(child["live"] > 0 for child in below), "expected": len(below)}
    heard = any(sign["at"] for sign in board["signs"] if sign["expected"])
    low = heard and live < COVERAGE_WANTED * expected
    return {
        "text.live": live,
        "text.expected": expected,
        "text.share": live / expected if heard else None,
        "text.coverage": {"live": live, "expected": expected, "low": low} if expected else None,
        "text.places": places if below else None,
    }


def sign_rows(code: str, lists: Lists, domains: Sequence[Row], unit: Callable[[str], str]) -> Json:
    """What is out of its limits one by one, all the others by domain. Nothing live: nothing is known."""
    own = [*lists.bad, *lists.gaps, *(sign for sign in lists.rest if sign["expected"])]
    known = any(sign["live"] for sign in own)
    tiles = [tile for domain in domains if (tile := domain_tile(domain, own, lists.rest))]
    most = KEYS if len(tiles) > FEW else MORE_KEYS
    worst = lists.bad[:SIGNS]
    found = overview.details({sign["code"]: sign for sign in worst}, code)

    def shown(sign: Row) -> Json:
        kept = ("code", "name", "value", "at", "status", "live", "expected", "from", "simulated")
        row = {name: sign[name] for name in kept}
        return {"id": sign["code"], **row, "unit": unit(sign["unit"]), **found.get(sign["code"], NOTHING)}

    return {
        "text.abnormal": len(lists.bad) if known else None,
        "text.normal": count(own, NORMAL) if known else None,
        "text.stale": count(own, STALE),
        "text.silent": count(own, NONE),
        "rows.levels": [{"id": word, "n": count(lists.bad, word) if known else None} for word in BAD],
        "rows.signs": [shown(sign) for sign in worst] if known else None,
        "rows.domains": dropped(
            [{**tile, "signs": [shown(sign) for sign in tile["signs"][:most]]} for tile in tiles]
        ),
    }


NOTHING: Json = {"spark": None, "limit": None, "worst": None}


def count(rows: Sequence[Row], status: str) -> int:
    return [row["status"] for row in rows].count(status)


def domain_tile(domain: Row, own: Sequence[Row], rest: Sequence[Row]) -> Json | None:
    """The same signs in the same place, whatever their status; none of a domain that says nothing here."""
    mine = [sign for sign in own if sign["domain"] == domain["code"]]
    lent = [sign for sign in rest if sign["from"] and sign["domain"] == domain["code"]]
    if not mine and not lent:
        return None
    bad = [status for status in BAD if count(mine, status)]
    return {
        "id": domain["code"],
        "name": {"zh": domain["name_zh"], "en": domain["name_en"]},
        "status": bad[0] if bad else None,
        "n": sum(count(mine, status) for status in BAD),
        "gaps": sum(count(mine, status) for status in GAPS),
        "signs": sorted(mine or lent, key=_brevity)[:MORE_KEYS],
    }


def _brevity(sign: Row) -> tuple[bool, int, str]:
    """Those that have a value of their own, and of them those whose names have room."""
    has_none = sign["value"] is None and sign["status"] not in GAPS
    return has_none, max(2 * len(sign["name"]["zh"]), len(sign["name"]["en"])), sign["code"]


def dropped(tiles: Sequence[Json]) -> list[Json]:
    """`rank`: the order in which they are kept where the room is short; a domain that is well goes first."""
    order = sorted(range(len(tiles)), key=lambda at: (not tiles[at]["n"], at))
    return [{**tile, "rank": order.index(at)} for at, tile in enumerate(tiles)]


# ── places ──────────────────────────────────────────────────────────────────────────────────────
def places(code: str, lists: Lists, glance: Json, unit: Callable[[str], str]) -> Json:
    """Cells by the one sign that tells most apart; without one by the worst status of any."""
    below = glance["children"]
    asked = lists.bad or [sign for sign in lists.rest if sign["expected"]]
    by_code = {sign["code"]: sign for sign in asked}
    chosen, rows = focus(list(by_code), wall.below(code, list(by_code)) if below else [], len(below))
    sign = by_code.get(chosen or "")
    return {
        "text.focus": sign and {"code": chosen, "name": sign["name"], "unit": unit(sign["unit"])},
        "layer.places": [
            cell(child, rows.get(child["place"]) if sign else None, sign is not None) for child in below
        ]
        or [{"id": code, **worst_of(glance), "at": None, "simulated": False}],
    }


def cell(child: Row, row: Row | None, named: bool) -> Json:
    if not named:
        return {"id": child["place"], **worst_of(child), "at": None, "simulated": False}
    kept = ("status", "value", "at", "simulated")
    nothing = {"status": None, "value": None, "at": None, "simulated": False}
    return {"id": child["place"], **({name: row[name] for name in kept} if row else nothing), "n": None}


def worst_of(glance: Row) -> Json:
    """Of a place where nothing is measured no status is known, which is not the same as no data."""
    return {
        "status": glance["status"] if glance["expected"] else None,
        "value": None,
        "n": glance["abnormal"] if glance["live"] else None,
    }


def ranking(glance: Json, loads: Sequence[Row]) -> Json:
    load_of = {row["place"]: row for row in loads}
    rows = [standing(child, load_of.get(child["place"])) for child in glance["children"]]
    return {"rows.children": ranked(rows)[:CHILDREN]}


def standing(glance: Row, load: Row | None) -> Json:
    return {
        "id": glance["place"],
        **{name: glance[name] for name in ("status", "abnormal", "live", "expected")},
        "open": load["open"] if load else 0,
        "overdue": load["overdue"] if load else 0,
        "severity": load["worst"] if load else None,
    }


def feeds() -> Json:
    """Those that have been silent for longest first."""
    items = wall.feeds()
    kept = ("kind", "last_at", "simulated")
    rows = [{"id": row["feed"], **{name: row[name] for name in kept}} for row in items if row["last_at"]]
    return {
        "text.feeds": len(rows) or None,
        "text.silent_since": min((row["last_at"] for row in rows), default=None),
        "rows.feeds": sorted(rows, key=lambda row: row["last_at"])[:FEEDS],
    }


def in_force(force: Json, lang: str) -> Json:
    words = text.table(lang)
    mode = next((row for row in force["decisions"] if row["track"] == MODE), None)
    return {
        "text.mode": {
            "urgent": mode is not None and mode["level"] == URGENT,
            "since": mode and mode["since"],
        },
        "rows.decisions": [
            {
                "id": str(row["id"]),
                "track": words.get(f"overview_track.{row['track']}", row["track"]),
                **{name: row[name] for name in ("level", "since", "simulated")},
            }
            for row in force["decisions"]
            if row is not mode
        ],
        "rows.warnings": [
            {
                "id": row["id"],
                "kind": words.get(f"overview_kind.{row['kind']}", row["kind"]),
                **{name: row[name] for name in ("colour", "issuer", "since", "simulated")},
            }
            for row in force["warnings"]
        ],
    }


_frame.register_page(
    __name__,
    name="wall",
    path="/wall/<place>",
    state=state,
    body=skeleton.body,
    kinds=("signs", "incidents", "sources", "city"),
    wall=True,
)
