"""Which place is meant, what lies in it, and may the viewer see it?"""

from typing import Any

from data import db
from data.domain.refusal import Refusal, no_city, unknown_place
from data.domain.rights import Viewer, may_see
from data.store import assets, clock, places


def seen(viewer: Viewer, code: str, *, status: int = 404) -> dict[str, Any]:
    """The place with `ancestors` and `children`. An unknown code is a 404 in a path, a 422 in a query."""
    with db.read() as conn:
        place = places.find(conn, code)
        if place is None and clock.here(conn) is None:
            raise no_city()
    if place is None:
        raise unknown_place(code, status=status)
    check_seen(viewer, place["path"])
    return place


def check_seen(viewer: Viewer, path: str) -> None:
    if not may_see(viewer, path):
        raise Refusal(
            "outside_rights", f"{path} 不在您的权限范围内", f"{path} is outside your rights", status=403
        )


def geometry(viewer: Viewer, code: str) -> dict[str, Any] | None:
    """GeoJSON, in full."""
    place = seen(viewer, code)
    with db.read() as conn:
        return places.geometry(conn, place["code"])


def outlines(viewer: Viewer, code: str) -> list[dict[str, Any]]:
    """The place and its children, simplified for drawing."""
    place = seen(viewer, code)
    with db.read() as conn:
        return places.outlines(conn, place["code"])


def search(words: str, *, limit: int = 20, after: str | None = None) -> dict[str, Any]:
    """By name, pinyin or code; higher tiers first. Open to everybody who is let in."""
    with db.read() as conn:
        found = places.search(conn, words, limit + 1, after)
    return {"q": words, "items": found[:limit], "next": found[limit - 1]["code"] if found[limit:] else None}


def standing_assets(
    viewer: Viewer, code: str, *, kind: str | None = None, limit: int = 100, after: str = ""
) -> dict[str, Any]:
    place = seen(viewer, code, status=422)
    with db.read() as conn:
        found = assets.page(conn, place["path"], kind=kind, after=after, limit=limit + 1)
    return {
        "place": place["code"],
        "items": found[:limit],
        "next": found[limit - 1]["code"] if found[limit:] else None,
    }


def asset(viewer: Viewer, code: str, *, status: int = 404) -> dict[str, Any]:
    with db.read() as conn:
        found = assets.find(conn, code)
    if found is None:
        raise Refusal(
            "unknown_asset", f"没有代码为 {code} 的部件", f"no asset has the code {code}",
            status=status, field="asset",
        )  # fmt: skip
    check_seen(viewer, found["path"])
    return found
