"""What do the places and assets that an import names say now?"""

from collections.abc import Collection

from data.db import Conn, Row
from data.domain.city import PlaceRow


def places(conn: Conn, codes: Collection[str]) -> dict[str, PlaceRow]:
    rows = conn.execute(
        """SELECT code, parent, tier, path, name_zh, name_en, centre[0] AS lon, centre[1] AS lat,
                  population, area AS area_km2 FROM place WHERE code = ANY(%s)""",
        (list(codes),),
    )
    return {row["code"]: PlaceRow(**row) for row in rows}


def drawings(conn: Conn, codes: Collection[str]) -> dict[str, Row]:
    """The columns of places that only a geometry changes."""
    rows = conn.execute(
        "SELECT code, centre, geometry, outline, bounds, schematic FROM place WHERE code = ANY(%s)",
        (list(codes),),
    )
    return {row.pop("code"): row for row in rows}


def assets(conn: Conn, codes: Collection[str]) -> dict[str, Row]:
    """`measured`: a series stands on it, so that it can be of no other kind or place."""
    rows = conn.execute(
        """SELECT code, kind, place, point, name_zh, name_en, department, schematic,
                  EXISTS (SELECT FROM node WHERE node.asset = asset.code) AS measured
           FROM asset WHERE code = ANY(%s)""",
        (list(codes),),
    )
    return {row["code"]: row for row in rows}
