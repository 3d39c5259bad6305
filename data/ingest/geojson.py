"""What do the GeoJSON files of a city folder draw, and is it sound?"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.domain.city import GeoJson, PlaceRow
from data.domain.place import codes_in
from data.ingest.rows import Mistake, illegible


def read_outlines(path: Path, places: list[PlaceRow]) -> tuple[dict[str, GeoJson], list[Mistake]]:
    """Polygons by place code, from the features' property `code`."""
    features, text, mistakes = _features(path)
    known = {place.code: place for place in places}
    outlines: dict[str, GeoJson] = {}
    for number, feature in enumerate(features, start=1):
        code = _code_of(feature)
        detail = _wrong_with(feature, code, known, outlines)
        if detail:
            line = _line_of(code, text)
            mistakes.append(Mistake(path.name, line, "code", f"feature {number}: {detail}"))
        else:
            outlines[str(code)] = feature["geometry"]
    mistakes += [
        Mistake(path.name, _line_of(code, text), "code", detail) for code, detail in _strays(outlines, known)
    ]
    return outlines, mistakes


def read_base(path: Path) -> tuple[GeoJson | None, list[Mistake]]:
    """Polygons of water and the like; their properties are the drawing's business."""
    from data.ingest import shapes

    features, _, mistakes = _features(path)
    for number, feature in enumerate(features, start=1):
        detail = shapes.wrong_with(feature.get("geometry") if isinstance(feature, dict) else None)
        if detail:
            mistakes.append(Mistake(path.name, 0, "geometry", f"feature {number}: {detail}"))
    return {"type": "FeatureCollection", "features": features}, mistakes


def _features(path: Path) -> tuple[list[Any], str, list[Mistake]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        features = json.loads(text)["features"]
    except UnicodeDecodeError as error:
        return [], "", [illegible(path.name, error)]
    except json.JSONDecodeError as error:
        return [], "", [Mistake(path.name, error.lineno, "", f"this is no JSON: {error.msg}")]
    except (KeyError, TypeError, RecursionError):
        return [], "", [Mistake(path.name, 0, "", "this is no GeoJSON FeatureCollection")]
    if not isinstance(features, list):
        return [], "", [Mistake(path.name, 0, "features", "this is no list")]
    return features, text, []


def _code_of(feature: Any) -> str | None:
    try:
        code = feature["properties"]["code"]
    except (KeyError, TypeError):
        return None
    return None if code is None else str(code)


def _wrong_with(
    feature: Any, code: str | None, known: dict[str, PlaceRow], taken: dict[str, GeoJson]
) -> str | None:
    from data.ingest import shapes

    if code is None:
        return "the property 'code' is missing"
    if code not in known:
        return f"there is no place '{code}'"
    if code in taken:
        return f"'{code}' has an outline already"
    return shapes.wrong_with(feature.get("geometry"))


def _strays(outlines: dict[str, GeoJson], known: dict[str, PlaceRow]) -> Iterator[tuple[str, str]]:
    """Outlines that lie wholly outside the outline of the place above."""
    from data.ingest import shapes

    for code, outline in outlines.items():
        above = [other for other in codes_in(known[code].path)[:-1] if other in outlines]
        if above and shapes.are_apart(outline, outlines[above[-1]]):
            yield code, f"'{code}' lies outside the outline of the places above it"


def _line_of(code: str | None, text: str) -> int:
    match = re.search(rf'"code"\s*:\s*"?{re.escape(code)}"?', text) if code else None
    return text.count("\n", 0, match.start()) + 1 if match else 0
