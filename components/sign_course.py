"""How do the rows of a sign's course become a picture?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from components import text
from components.sign_chart import Line, Picture, Point
from data.domain.gap import Gap, gaps
from data.domain.limit import drawn, limits_of
from data.domain.stretch import Stretch

Json = dict[str, Any]
Row = Mapping[str, Any]
Rows = Sequence[Row]

WEEK, DAY, HOUR = timedelta(days=7), timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Course:
    """`sign`: the row of what is shown; `points`: of it and of the `others`, by id; `hours`: of it."""

    sign: Row
    others: Rows
    points: Mapping[int, Rows]
    hours: Rows
    seen: Stretch

    def of(self, row: Row) -> Rows:
        return self.points.get(row["id"], ())

    def step(self, row: Row) -> timedelta:
        """A fold beside readings stands there by hours."""
        return self.seen.step if self.seen.grain != "raw" or row["leaf"] else HOUR

    def silences(self, row: Row) -> list[Gap]:
        begun = row is self.sign and any(hour["at"] + HOUR <= self.seen.since for hour in self.hours)
        silence = max(timedelta(seconds=self.sign["freshness"]), self.step(row))
        stretch = Gap(self.seen.since, self.sign["now"])
        return gaps(self.of(row), stretch, step=self.step(row), silence=silence, begun=begun)

    def line(self, name: str, row: Row) -> Line:
        points = [(point["at"], point["value"]) for point in self.of(row) if point["at"] >= self.seen.since]
        return Line(name, broken(points, self.silences(row)))


def broken(points: Sequence[Point], silent: Sequence[Gap]) -> list[Point]:
    """A silence is no line from one end to the other."""
    holes: list[Point] = [(gap.since + gap.length / 2, None) for gap in silent]
    return sorted([*points, *holes], key=lambda point: point[0])


def picture(course: Course, *, title: str, zone: ZoneInfo, lang: str) -> Picture:
    sign, seen, say = course.sign, course.seen, text.speaker(lang)
    yesterday, week = behind(course)
    return Picture(
        title=title, unit=sign["unit"], since=seen.since, until=seen.until, zone=zone, status=sign["status"],
        main=course.line(say("sign.now"), sign),
        yesterday=_named(say("time.yesterday"), yesterday), week=_named(say("time.last_week"), week),
        beside=[course.line(text.name(row["name"], lang), row) for row in course.others],
        band=_band(course, say("sign.lowest"), say("sign.highest")),
        gaps=course.silences(sign), limits=drawn(limits_of(sign)), centre=sign["direction"] == "B",
    )  # fmt: skip


def behind(course: Course) -> tuple[list[Point], list[Point]]:
    """Yesterday and last week under the same hours; a day ago says nothing behind more than a day.

    A sum by the hour is not behind readings, which are of minutes.
    """
    sign, seen = course.sign, course.seen
    fine = seen.grain == "raw" and sign["leaf"]
    if fine and sign["fold_time"] == "sum":
        return [], []
    rows = course.hours if fine else course.of(sign)
    middle = HOUR / 2 if fine else timedelta(0)
    yesterday = _moved(rows, DAY + middle, seen) if seen.window == "24h" else []
    return yesterday, _moved(rows, WEEK + middle, seen)


def _moved(rows: Rows, forward: timedelta, seen: Stretch) -> list[Point]:
    moved: list[tuple[datetime, float | None]] = [(row["at"] + forward, row["value"]) for row in rows]
    return [point for point in moved if seen.since <= point[0] < seen.until and point[1] is not None]


def _named(name: str, points: Sequence[Point]) -> Line | None:
    return Line(name, points) if len(points) > 1 else None


def _band(course: Course, lowest: str, highest: str) -> tuple[Line, Line] | None:
    """What lies below a fold that has no value itself."""
    if course.sign["fold_space"] != "none" or course.sign["leaf"]:
        return None
    rows = [
        row for row in course.of(course.sign) if row["at"] >= course.seen.since and row["low"] is not None
    ]
    if not rows:
        return None
    return Line(lowest, [(row["at"], row["low"]) for row in rows]), Line(
        highest, [(row["at"], row["high"]) for row in rows]
    )


def is_drawn(picture: Picture) -> bool:
    lines = (picture.main, *picture.beside, *(picture.band or ()))
    return any(value is not None for line in lines for _, value in line.points)


def legend(picture: Picture, course: Course) -> list[Json]:
    """What each stroke is; those beside are named at their ends too, which a zoom may leave outside."""
    if not is_drawn(picture):
        return []
    hourly = course.seen.grain == "raw" and not course.sign["leaf"]
    there = {
        "now_by_hour" if hourly else "now": any(value is not None for _, value in picture.main.points),
        "yesterday": picture.yesterday, "week": picture.week, "band": picture.band, "gap": picture.gaps,
    }  # fmt: skip
    beside = [
        {"id": f"beside.{row['code']}", "name": row["name"], "dash": at}
        for at, row in enumerate(course.others)
    ]
    return [*({"id": name} for name, true in there.items() if true), *beside]
