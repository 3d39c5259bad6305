"""Where does a place stand in the tree?"""

import re
from typing import Any

DEEPEST_TIER = 5
CODE = re.compile(r"[A-Za-z0-9._-]{1,40}")


def is_code(text: str) -> bool:
    return CODE.fullmatch(text) is not None


def path_of(code: str, parent_path: str = "") -> str:
    """Codes joined and closed by `/`, so that a prefix is a subtree and never a sibling: `4201/420106/`."""
    return f"{parent_path}{code}/"


def tier_of(path: str) -> int:
    return path.count("/")


def codes_in(path: str) -> tuple[str, ...]:
    """From the root down, the place itself included."""
    return tuple(path.rstrip("/").split("/"))


def code_of(path: str) -> str:
    return codes_in(path)[-1]


def parent_of(path: str) -> str | None:
    """The path of the place above, none for the root."""
    return "".join(f"{code}/" for code in codes_in(path)[:-1]) or None


def ancestors_of(path: str) -> tuple[str, ...]:
    """The paths of the places above, from the root down, the place itself left out."""
    codes = codes_in(path)
    return tuple("".join(f"{code}/" for code in codes[:depth]) for depth in range(1, len(codes)))


def district_of(path: str) -> str:
    """The tier-2 code; the root's own code for what stands above tier 2."""
    codes = codes_in(path)
    return codes[1] if len(codes) > 1 else codes[0]


def lies_under(path: str, ancestor: str) -> bool:
    """True of the ancestor itself too."""
    return path.startswith(ancestor)


def bounds(geometry: dict[str, Any]) -> tuple[float, float, float, float]:
    """(west, south, east, north) of a GeoJSON Polygon or MultiPolygon."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    points = [point for polygon in polygons for point in polygon[0]]
    lons, lats = [point[0] for point in points], [point[1] for point in points]
    return min(lons), min(lats), max(lons), max(lats)
