"""Which migrations has this database seen, and which are missing?"""

from pathlib import Path

from data.db import Conn
from data.store import fold

ALONE = 82  # who brings the schema up to date
FOLDER = Path(__file__).parent / "schema"


def files() -> list[tuple[int, Path]]:
    return sorted((int(path.name.split("_")[0]), path) for path in FOLDER.glob("*.sql"))


def wanted() -> int:
    """The number of the newest migration in the code."""
    return files()[-1][0]


def version(conn: Conn) -> int:
    """The newest migration this database has seen; −1 for an empty one, and while the first one runs."""
    seen = conn.execute("SELECT has_table_privilege(to_regclass('migration'), 'SELECT') AS seen").fetchone()
    if not (seen and seen["seen"]):
        return -1
    row = conn.execute("SELECT max(number) AS n FROM migration").fetchone()
    return -1 if row is None or row["n"] is None else int(row["n"])


def migrate(conn: Conn) -> list[int]:
    """Runs what is missing, each in a transaction of its own, as the owner; answers their numbers.

    With the last one `latest` becomes what this build would have made of the same readings.
    """
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s, 0)", (ALONE,))
        conn.execute(
            "CREATE TABLE IF NOT EXISTS migration "
            "(number integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
        )
    return [number for number, path in files() if _run(conn, number, path)]


def _run(conn: Conn, number: int, path: Path) -> bool:
    """Whether it was missing; somebody else may have run it meanwhile."""
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s, 0)", (ALONE,))
        if number <= version(conn):
            return False
        fold.lock(conn, fold.FAST)
        conn.execute(path.read_bytes())
        conn.execute("INSERT INTO migration (number) VALUES (%s)", (number,))
        conn.execute("GRANT SELECT ON migration TO cityops_app")
        if number == files()[-1][0]:
            fold.restate(conn)
    return True
