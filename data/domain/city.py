"""What does a city folder say, once it is read and found right?"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from data.domain.threshold import Thresholds, thresholds

GeoJson = dict[str, Any]
FoldTime = Literal["mean", "sum", "max", "min", "last"]
FoldSpace = Literal["sum", "mean", "max", "min", "worst", "none"]


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One place; `path` = codes joined and closed by `/` (`4201/420106/`), tier = its depth (1–5)."""

    code: str
    parent: str | None
    tier: int
    path: str
    name_zh: str
    name_en: str
    lon: float | None = None
    lat: float | None = None
    population: float | None = None
    area_km2: float | None = None


@dataclass(frozen=True, slots=True)
class DomainRow:
    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class SignRow:
    """One row of signs.csv. `period` None = by event. t1–t3 and hysteresis keep their cells' text."""

    code: str
    name_zh: str
    name_en: str
    domain: str
    unit: str
    period_cell: str
    period: timedelta | None
    tier: int | None
    kind: str | None
    direction: Literal["H", "L", "B", "N"]
    t1: str
    t2: str
    t3: str
    hysteresis: str
    hold: timedelta
    freshness: timedelta
    fold_time: FoldTime
    fold_space: FoldSpace
    weight: Literal["1", "population", "area"]
    shared: bool
    department: str
    source: str
    illustrative: bool

    @property
    def thresholds(self) -> Thresholds:
        return thresholds(self.direction, self.t1, self.t2, self.t3)


@dataclass(frozen=True, slots=True)
class AssetRow:
    code: str
    kind: str
    place: str
    name_zh: str
    name_en: str
    lon: float | None = None
    lat: float | None = None
    department: str = ""
    illustrative: bool = False


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """What is expected of a sign: exactly one of place and asset; capacity in the sign's unit."""

    sign: str
    place: str | None
    asset: str | None
    capacity: float | None = None


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One condition of a class; `number` is its place in the file (the first row's limit holds)."""

    code: str
    number: int
    name_zh: str
    name_en: str
    condition: str
    limit: float | None
    unit: str
    stage: str
    source: str
    illustrative: bool


@dataclass(frozen=True, slots=True)
class DepartmentRow:
    code: str
    place: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class City:
    """A whole folder. `places` in path order: a parent stands before its children, children in code order."""

    root: str
    name_zh: str
    name_en: str
    timezone: str
    languages: tuple[str, ...]
    domains: tuple[DomainRow, ...]
    places: tuple[PlaceRow, ...]
    signs: tuple[SignRow, ...] = ()
    assets: tuple[AssetRow, ...] = ()
    series: tuple[SeriesRow, ...] = ()
    classes: tuple[ClassRow, ...] = ()
    departments: tuple[DepartmentRow, ...] = ()
    units: dict[str, str] = field(default_factory=dict)
    """The English word for a unit that is written in 汉字."""
    outlines: dict[str, GeoJson] = field(default_factory=dict)
    """Real polygons by place code: geometry.geojson's and the outline package's, WGS84."""
    base: GeoJson | None = None
    """The schematic base layer: a FeatureCollection of rivers and lakes."""
    demo: dict[str, Any] = field(default_factory=dict)
    hash: str = ""
