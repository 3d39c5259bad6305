"""Where is a point of a Chinese map on the globe?

WGS84 and CGCS2000 differ by centimetres and count as equal; GCJ-02 shifts a point of mainland China by
some hundred metres and is undone here.
"""

from collections.abc import Callable
from enum import StrEnum
from math import cos, pi, sin, sqrt

_SEMI_MAJOR = 6_378_245.0  # Krasovsky 1940, which GCJ-02 reckons with
_ECCENTRICITY = 0.006_693_421_622_965_943  # squared
_SHORT_WAVES = ((20.0, 1.0), (40.0, 1 / 3))
_ENOUGH = 1e-9  # degrees, a tenth of a millimetre


class Crs(StrEnum):
    WGS84 = "WGS84"
    CGCS2000 = "CGCS2000"
    GCJ02 = "GCJ02"


Convert = Callable[[float, float], tuple[float, float]]


def to_wgs84(crs: Crs) -> Convert:
    """A function of (lon, lat); ValueError where the name is unknown comes from `Crs(name)`."""
    return from_gcj02 if crs is Crs.GCJ02 else _unchanged


def _unchanged(lon: float, lat: float) -> tuple[float, float]:
    return lon, lat


def from_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """GCJ-02 → WGS84, by shifting guesses until they land on the point; outside China untouched."""
    if not _is_in_china(lon, lat):
        return lon, lat
    guess_lon, guess_lat = lon, lat
    for _ in range(10):
        there_lon, there_lat = to_gcj02(guess_lon, guess_lat)
        off_lon, off_lat = there_lon - lon, there_lat - lat
        guess_lon, guess_lat = guess_lon - off_lon, guess_lat - off_lat
        if abs(off_lon) < _ENOUGH and abs(off_lat) < _ENOUGH:
            break
    return guess_lon, guess_lat


def to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """WGS84 → GCJ-02; outside China untouched."""
    if not _is_in_china(lon, lat):
        return lon, lat
    x, y = lon - 105.0, lat - 35.0
    phi = lat / 180.0 * pi
    bend = 1 - _ECCENTRICITY * sin(phi) ** 2
    north = _north_metres(x, y) * 180.0 / (_SEMI_MAJOR * (1 - _ECCENTRICITY) / (bend * sqrt(bend)) * pi)
    east = _east_metres(x, y) * 180.0 / (_SEMI_MAJOR / sqrt(bend) * cos(phi) * pi)
    return lon + east, lat + north


def _is_in_china(lon: float, lat: float) -> bool:
    return 72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271


def _north_metres(x: float, y: float) -> float:
    plain = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    return plain + _ripple(x) + _waves(y, _SHORT_WAVES) + _waves(y, ((160.0, 1 / 12), (320.0, 1 / 30)))


def _east_metres(x: float, y: float) -> float:
    plain = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    return plain + _ripple(x) + _waves(x, _SHORT_WAVES) + _waves(x, ((150.0, 1 / 12), (300.0, 1 / 30)))


def _ripple(x: float) -> float:
    return _waves(x, ((20.0, 6), (20.0, 2)))


def _waves(x: float, terms: tuple[tuple[float, float], ...]) -> float:
    return sum(height * sin(times * pi * x) for height, times in terms) * 2.0 / 3.0
