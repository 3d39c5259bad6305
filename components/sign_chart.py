"""How is the course of a sign drawn, with what lies behind and beside it, its limits and its silences?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from components.sign_scale import Limit, Scale, apart, scaled
from data.domain.gap import Gap

Json = dict[str, Any]
Say = Callable[..., str]
Point = tuple[datetime, float | None]

MARKS = {"alarm": ("◆", "$red"), "warning": ("▲", "$orange"), "attention": ("●", "$blue")}
DASHES = (
    "dashdot", "longdash", "longdashdot", "2px,2px", "9px,3px,2px,3px,2px,3px", "14px,3px",
)  # fmt: skip
NO_COLOR = "rgba(0,0,0,0)"
FEW = 40  # points that are drawn as points too
ROOM = 0.12  # of the width, for the names of the lines beside
GUTTER = 0.075  # of the width, for the words of the limits
BESIDE = 130  # pixels that the name of a limit on the scale takes
NAMED = 0.05  # of the width, that a silence needs for its words
LETTERS = 16


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Picture:
    """`limits`: (status word, value). `band`: lowest and highest below, where a fold has no value itself."""

    title: str
    unit: str
    since: datetime
    until: datetime
    zone: ZoneInfo
    status: str | None
    main: Line
    yesterday: Line | None = None
    week: Line | None = None
    beside: Sequence[Line] = ()
    band: tuple[Line, Line] | None = None
    gaps: Sequence[Gap] = ()
    limits: Sequence[Limit] = ()
    centre: bool = False  # 0 is no natural end of the scale


def figure(picture: Picture, say: Say) -> Json:
    values = [value for line in _lines(picture) for _, value in line.points if value is not None]
    scale = scaled(values, picture.limits, centre=picture.centre)
    return {"data": _traces(picture, scale), "layout": _layout(picture, scale, say)}


def _lines(picture: Picture) -> list[Line]:
    behind = [line for line in (picture.yesterday, picture.week) if line is not None]
    return [picture.main, *behind, *picture.beside, *(picture.band or ())]


# ── what is drawn ───────────────────────────────────────────────────────────────────────────────
def _traces(picture: Picture, scale: Scale) -> list[Json]:
    unit = f" {picture.unit}" if picture.unit else ""
    drawn = [_silences(picture, scale)] if picture.gaps else []
    if picture.band is not None:
        drawn += _banded(picture, unit)
    for line, dash in ((picture.week, "dot"), (picture.yesterday, "dash")):
        if line is not None:
            drawn.append(_trace(picture, line, unit, color="$faint", width=1, dash=dash))
    for line, dash in zip(picture.beside, DASHES, strict=False):
        drawn.append(_trace(picture, line, unit, color="$ink", width=1.25, dash=dash))
    drawn.append(_trace(picture, picture.main, unit, color="$ink", width=1.75, dash="solid"))
    return [*drawn, *_last(picture)]


def _trace(picture: Picture, line: Line, unit: str, *, color: str, width: float, dash: str) -> Json:
    few = len(line.points) <= FEW and dash == "solid"
    return {
        "type": "scatter", "mode": "lines+markers" if few else "lines", "name": line.name,
        **_course(picture, line), "connectgaps": False, "marker": {"size": 4, "color": color},
        "line": {"color": color, "width": width, "dash": dash},
        "hovertemplate": f"%{{y:,.3~f}}{unit}<extra>{line.name}</extra>",
    }  # fmt: skip


def _course(picture: Picture, line: Line) -> Json:
    return {
        "x": [_local(at, picture.zone) for at, _ in line.points],
        "y": [None if value is None else float(f"{value:.6g}") for _, value in line.points],
    }


def _local(at: datetime, zone: ZoneInfo) -> str:
    """On the city's clock, which the axis shows as it stands."""
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def _last(picture: Picture) -> list[Json]:
    """The one point that may have a colour."""
    known = [point for point in picture.main.points if point[1] is not None]
    if not known:
        return []
    color = MARKS.get(picture.status or "", ("", "$ink"))[1]
    return [
        {
            "type": "scatter", "mode": "markers", "hoverinfo": "skip",
            **_course(picture, Line("", known[-1:])), "marker": {"size": 8, "color": color},
        }
    ]  # fmt: skip


def _banded(picture: Picture, unit: str) -> list[Json]:
    low, high = picture.band or (picture.main, picture.main)
    edges = [_trace(picture, line, unit, color="$muted", width=1, dash="solid") for line in (low, high)]
    edges[1] |= {"fill": "tonexty", "fillcolor": "$band"}
    return [edge | {"mode": "lines"} for edge in edges]


def _silences(picture: Picture, scale: Scale) -> Json:
    """One hatched ground for all of them."""
    x: list[str | None] = []
    y: list[float | None] = []
    for gap in picture.gaps:
        a, b = (_local(at, picture.zone) for at in (gap.since, gap.until))
        x += [a, b, b, a, a, None]
        y += [scale.low, scale.low, scale.high, scale.high, scale.low, None]
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": y, "fill": "toself", "hoverinfo": "skip",
        "line": {"width": 0}, "fillcolor": NO_COLOR,
        "fillpattern": {
            "shape": "/", "size": 6, "solidity": 0.2, "fgcolor": "$hatch-ink", "bgcolor": NO_COLOR,
        },
    }  # fmt: skip


# ── what stands around it ───────────────────────────────────────────────────────────────────────
def _layout(picture: Picture, scale: Scale, say: Say) -> Json:
    whole = picture.until - picture.since
    start = picture.since - whole * (GUTTER if picture.limits else 0.004)
    end = picture.until + whole * (ROOM if picture.beside else 0.004)
    return {
        "margin": {"l": 8, "r": 8, "t": 26, "b": 8},
        "xaxis": {
            "type": "date", "range": [_local(start, picture.zone), _local(end, picture.zone)],
            "nticks": 9, "hoverformat": "%m-%d %H:%M" if whole > timedelta(days=1) else "%H:%M",
        },
        "yaxis": {
            "range": [scale.low, scale.high], "showgrid": True, "nticks": 5, "exponentformat": "none",
            "separatethousands": True,
        },
        "shapes": [_limit_line(value) for _, value in scale.on],
        "annotations": [
            *_unit(picture), *_limits(scale, say), *_lengths(picture, say), *_ends(picture, scale),
        ],
        "meta": {"title": picture.title, "from": picture.since.isoformat(), "to": picture.until.isoformat()},
    }  # fmt: skip


def _note(text: str, **more: Any) -> Json:
    plain = {"showarrow": False, "font": {"size": 12, "color": "$text"}, "align": "left"}
    return {"text": text, **plain, **more}


def _unit(picture: Picture) -> list[Json]:
    """Once, above the axis."""
    if not picture.unit:
        return []
    font = {"size": 12, "color": "$muted"}
    at = {
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 6,
    }
    return [_note(picture.unit, font=font, **at)]


def _limit_line(value: float) -> Json:
    return {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value,
        "line": {"color": "$muted", "width": 1, "dash": "3px,4px"},
    }  # fmt: skip


def _limits(scale: Scale, say: Say) -> list[Json]:
    on = [note for level, value in scale.on for note in _limit(level, value, say, y=value, yanchor="bottom")]
    beside = BESIDE if on else 0
    return [
        *on,
        *_beyond(scale.above, say("sign.beyond_above"), say, beside, y=1, yanchor="top", line=-16),
        *_beyond(scale.under, say("sign.beyond_under"), say, beside, y=0, yanchor="bottom", line=16),
    ]


def _limit(level: str, value: float, say: Say, *, arrow: str = "", beside: int = 0, **at: Any) -> list[Json]:
    """Mark and word are two notes: only the mark has a colour."""
    mark, color = MARKS[level]
    place = {"xref": "paper", "x": 0, "xanchor": "left", **at}
    words = f"{say('status.' + level)} {value:,.6g}{arrow}"
    return [
        _note(mark, xshift=6 + beside, **place, font={"size": 11, "color": color}),
        _note(words, xshift=20 + beside, **place, font={"size": 12, "color": "$text"}),
    ]


def _beyond(
    limits: Sequence[Limit], words: str, say: Say, beside: int, *, y: float, yanchor: str, line: int
) -> list[Json]:
    """A limit far off the scale stands at its edge, the nearest to the edge first, beside those on it."""
    ordered = sorted(limits, key=lambda limit: limit[1], reverse=line < 0)
    return [
        note
        for number, (level, value) in enumerate(ordered)
        for note in _limit(
            level, value, say, arrow=f" {words}", beside=beside,
            yref="paper", y=y, yanchor=yanchor, yshift=number * line,
        )
    ]  # fmt: skip


def _lengths(picture: Picture, say: Say) -> list[Json]:
    whole = picture.until - picture.since
    return [
        _note(
            say("sign.silent_for", t=span(gap.length, say)),
            x=_local(gap.since + gap.length / 2, picture.zone), y=0.86, yref="paper", bgcolor="$bg",
            borderpad=2, font={"size": 12, "color": "$muted"},
        )
        for gap in picture.gaps
        if gap.length / whole >= NAMED
    ]  # fmt: skip


def span(length: timedelta, say: Say) -> str:
    """1 时 10 分, as the pages write it."""
    minutes = int(length.total_seconds() // 60)
    days, hours = divmod(minutes // 60, 24)
    if days >= 2:
        return f"{days}\u2009{say('time.day')}"
    hours += 24 * days
    parts = [(hours, "hour"), (minutes % 60, "minute")] if hours else [(minutes, "minute")]
    return " ".join(
        f"{n}\u2009{say('time.' + unit)}" for n, unit in parts if n or (unit == "minute" and not hours)
    )


def _ends(picture: Picture, scale: Scale) -> list[Json]:
    """The name of each line beside at its end, pushed apart where they meet."""
    ends = []
    for line in picture.beside:
        known = [value for _, value in line.points if value is not None]
        if known:
            ends.append((known[-1], line.name))
    place = {"x": _local(picture.until, picture.zone), "xanchor": "left", "xshift": 4}
    heights = apart([value for value, _ in ends], (scale.high - scale.low) * 0.06)
    return [
        _note(name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…", y=y, **place)
        for (_, name), y in zip(ends, heights, strict=True)
    ]
