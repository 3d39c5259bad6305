"""How do some signs of a place stand in each of the places below it?"""

from collections.abc import Sequence

from data.db import Conn, Row


def below(conn: Conn, place: str, signs: Sequence[str]) -> list[Row]:
    """A row for each sign and child that measures it."""
    return conn.execute(
        """SELECT n.sign, n.place, l.value, l.at, l.simulated,
                  status_of(l.live, l.rank, l.at) AS status
           FROM place p
           JOIN node n ON n.place = p.code AND n.sign = ANY(%s) AND n.asset = '' AND n.expected > 0
           JOIN latest l ON l.id = n.id WHERE p.parent = %s ORDER BY n.place""",
        (list(signs), place),
        prepare=True,
        binary=True,
    ).fetchall()
