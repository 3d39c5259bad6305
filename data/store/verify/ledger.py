"""Does the ledger of every feed balance, and is all that it calls stored there?"""

from collections.abc import Iterator

from psycopg import sql

from data.domain.proof import Break
from data.store.verify import Moment, counted, look


def counts(now: Moment) -> dict[str, int]:
    return counted(
        now,
        sql.SQL(
            "SELECT (SELECT count(*) FROM source) AS feeds, count(*) AS lines,"
            " coalesce(sum(received), 0)::bigint AS received FROM ledger"
        ),
    )


def breaks(now: Moment) -> Iterator[Break | None]:
    yield look(now, "line", _LINE)
    yield look(now, "reasons", _REASONS)
    yield look(now, "stored", _STORED, **now.raw)
    yield look(now, "nobody", _NOBODY, **now.raw)


_LINE = sql.SQL("""
SELECT feed || ' ' || hour || ': ' || received || ' received = ' || stored || ' stored + ' || same
  || ' same + ' || rejected || ' rejected, of the stored ' || replaced || ' replaced' AS place
FROM ledger
WHERE received <> stored + same + rejected
   OR least(same, rejected, replaced, removed, stored - replaced) < 0""")

_REASONS = sql.SQL("""
SELECT l.feed || ' ' || l.hour || ': ' || l.rejected || ' rejected, reasons for ' || r.n AS place
FROM ledger l
CROSS JOIN LATERAL (SELECT coalesce(sum(value::bigint), 0) AS n FROM jsonb_each_text(l.reasons)) r
WHERE r.n <> l.rejected""")

_RAW = sql.SQL("unnest(%(ids)s::bigint[], %(sizes)s::bigint[]) r(id, n)")

_STORED = sql.SQL("""
WITH kept AS (
  SELECT n.source AS feed, sum(r.n) AS n FROM {raw} JOIN node n ON n.id = r.id
  WHERE n.source IS NOT NULL GROUP BY 1
  UNION ALL SELECT source, count(*) FROM incident GROUP BY 1),
there AS (SELECT feed, sum(n) AS n FROM kept GROUP BY feed),
booked AS (SELECT feed, sum(stored - replaced - removed) AS n FROM ledger GROUP BY feed)
SELECT feed || ': ' || coalesce(t.n, 0) || ' readings and cases are there, ' || coalesce(b.n, 0)
  || ' are booked' AS place
FROM there t FULL JOIN booked b USING (feed)
WHERE coalesce(t.n, 0) <> coalesce(b.n, 0)""").format(raw=_RAW)

_NOBODY = sql.SQL("""
SELECT 'series ' || r.id || ': ' || r.n || ' readings of ' || CASE WHEN n.id IS NULL THEN 'no series'
  WHEN NOT n.leaf THEN 'a fold' ELSE 'no feed' END AS place
FROM {raw} LEFT JOIN node n ON n.id = r.id
WHERE n.id IS NULL OR NOT n.leaf OR n.source IS NULL""").format(raw=_RAW)
