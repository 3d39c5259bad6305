"""Is the row of every case, its spans and its audience what its events come to?"""

from collections.abc import Iterator

from psycopg import sql

from data.domain.incident import OPEN, STAGE
from data.domain.proof import Break
from data.store.verify import LED, Moment, counted, look


def counts(now: Moment) -> dict[str, int]:
    return counted(
        now,
        sql.SQL(
            "SELECT (SELECT count(*) FROM incident) AS cases, (SELECT count(*) FROM span) AS spans,"
            " (SELECT count(*) FROM audience) AS seats"
        ),
    )


def breaks(now: Moment, moments: int = 3) -> Iterator[Break | None]:
    stages = {str(state): stage for state, stage in STAGE.items()}
    yield look(now, "row", _ROW, states=list(stages), stages=list(stages.values()), open=list(map(str, OPEN)))
    yield look(now, "report", _REPORT)
    yield look(now, "overdue", _OVERDUE)
    yield look(now, "span", _SPAN)
    yield look(now, "state_at", _STATE_AT, moments=moments)
    yield look(now, "audience", _AUDIENCE)


_HOLDER = sql.SQL("holder_place, holder_department, holder_seat")

# Severity is the report's until a regrade.
_ROW = sql.SQL("""
WITH newest AS (
  SELECT DISTINCT ON (incident) incident, n, to_state, path, district, {holder} FROM event
  ORDER BY incident, n DESC),
graded AS (
  SELECT DISTINCT ON (incident) incident, (payload ->> 'severity')::smallint AS severity FROM event
  WHERE n = 1 OR act = 'regrade' ORDER BY incident, n DESC),
stage AS (SELECT * FROM unnest(%(states)s::text[], %(stages)s::smallint[]) u(state, stage)),
held AS (SELECT *, concat_ws('/', {holder}) AS holder FROM incident)
SELECT 'incident ' || i.id || CASE
  WHEN e.incident IS NULL THEN ' has no event'
  WHEN i.state <> e.to_state THEN ' is ' || i.state || ', its events say ' || e.to_state
  WHEN i.version <> e.n THEN ' has version ' || i.version || ', its events ' || e.n
  WHEN i.stage <> s.stage THEN ' is in stage ' || i.stage || ', ' || i.state || ' is in ' || s.stage
  WHEN i.open <> (i.state = ANY(%(open)s)) THEN
    CASE WHEN i.open THEN ' is open as ' ELSE ' is over as ' END || i.state
  WHEN i.severity IS DISTINCT FROM g.severity THEN
    ' has severity ' || coalesce(i.severity::text, 'none')
    || ', its events say ' || coalesce(g.severity::text, 'none')
  WHEN i.path <> e.path OR i.district <> e.district THEN ' lies in ' || i.path || ', its events in ' || e.path
  ELSE ' is held by ' || i.holder || ', its events say '
    || concat_ws('/', e.holder_place, e.holder_department, e.holder_seat) END AS place
FROM held i LEFT JOIN newest e ON e.incident = i.id LEFT JOIN graded g ON g.incident = i.id
LEFT JOIN stage s ON s.state = i.state
WHERE (i.state, i.version, i.stage, i.open, i.severity, i.path, i.district,
       i.holder_place, i.holder_department, i.holder_seat)
  IS DISTINCT FROM
      (e.to_state, e.n, s.stage, i.state = ANY(%(open)s), g.severity, e.path, e.district,
       e.holder_place, e.holder_department, e.holder_seat)""").format(holder=_HOLDER)

# What was said at the beginning stays.
_REPORT = sql.SQL("""
SELECT 'incident ' || i.id || ' is not what was reported' AS place
FROM incident i JOIN event e ON e.incident = i.id AND e.n = 1
CROSS JOIN LATERAL jsonb_to_record(e.payload)
  AS r(class text, place text, placed text, lon float8, lat float8, asset text, sign text,
       due timestamptz, source text, source_id text)
JOIN place p ON p.code = i.place JOIN source o ON o.feed = i.source
WHERE (i.at, i.known_at, i.path, i.district, i.simulated, i.class, i.place, i.placed, i.point[0], i.point[1],
       i.asset, i.sign, i.due, i.source, i.source_id)
  IS DISTINCT FROM
      (e.at, e.known_at, p.path, p.district, o.simulated, r.class, r.place, r.placed, r.lon, r.lat,
       r.asset, r.sign, r.due, r.source, r.source_id)""")

_OVERDUE = sql.SQL("""
WITH {led}
SELECT 'incident ' || i.id || CASE WHEN i.overdue THEN ' is overdue, due ' ELSE ' is not overdue, due ' END
  || coalesce(i.due::text, 'never') AS place
FROM incident i LEFT JOIN LATERAL (
  SELECT e.at FROM event e
  WHERE e.incident = i.id AND NOT i.open AND e.to_state = i.state AND e.from_state IS DISTINCT FROM e.to_state
  ORDER BY e.n DESC LIMIT 1) e ON true
WHERE CASE WHEN NOT i.open THEN i.overdue <> coalesce(i.due <= e.at, false)
           WHEN i.overdue THEN i.due IS NULL OR i.due > %(now)s
           ELSE i.due < (SELECT seen FROM led) END""").format(led=LED)

# A span begins with every event that changes state, holder or severity.
_SPAN = sql.SQL("""
WITH graded AS (
  SELECT e.*, count(grade) OVER (PARTITION BY incident ORDER BY n) AS grades
  FROM (SELECT incident, n, at, known_at, path, district, to_state, {holder},
               CASE WHEN n = 1 OR act = 'regrade' THEN coalesce(payload ->> 'severity', '') END AS grade
        FROM event) e),
said AS (
  SELECT *, nullif(max(grade) OVER (PARTITION BY incident, grades), '')::smallint AS severity FROM graded),
turn AS (
  SELECT *, n = 1 OR (to_state, {holder}, severity) IS DISTINCT FROM (
    lag(to_state) OVER own, lag(holder_place) OVER own, lag(holder_department) OVER own,
    lag(holder_seat) OVER own, lag(severity) OVER own) AS turns
  FROM said WINDOW own AS (PARTITION BY incident ORDER BY n)),
due AS (
  SELECT *, tstzrange(at, CASE WHEN ended IS NOT NULL THEN greatest(at, ended) END) AS during
  FROM (SELECT *, lead(at) OVER (PARTITION BY incident ORDER BY n) AS ended FROM turn WHERE turns) t)
SELECT 'incident ' || coalesce(d.incident, s.incident) || ' span ' || coalesce(d.n, s.n) || CASE
  WHEN d.n IS NULL THEN ' is of no event'
  WHEN s.n IS NULL THEN ' is missing'
  WHEN s.during <> d.during THEN ' lasts ' || s.during || ', its events say ' || d.during
  WHEN s.state <> d.to_state THEN ' is ' || s.state || ', its event led to ' || d.to_state
  ELSE ' is not what its event says' END AS place
FROM due d FULL JOIN (SELECT * FROM span WHERE upper_inf(known)) s ON s.incident = d.incident AND s.n = d.n
WHERE (s.n, s.state, s.path, s.district, s.severity, s.during, lower(s.known),
       s.holder_place, s.holder_department, s.holder_seat)
  IS DISTINCT FROM
      (d.n, d.to_state, d.path, d.district, d.severity, d.during, d.known_at,
       d.holder_place, d.holder_department, d.holder_seat)""").format(holder=_HOLDER)

_STATE_AT = sql.SQL("""
WITH ends AS (SELECT min(at) AS low, max(at) AS high FROM event),
moment AS MATERIALIZED (
  SELECT low + random() * (high - low) AS t FROM ends, generate_series(1, %(moments)s)),
folded AS (
  SELECT DISTINCT ON (m.t, e.incident) m.t, e.incident, e.to_state FROM moment m JOIN event e ON e.at <= m.t
  ORDER BY m.t, e.incident, e.n DESC),
stood AS (
  SELECT m.t, s.incident, s.state FROM moment m JOIN span s ON s.during @> m.t AND upper_inf(s.known))
SELECT 'incident ' || coalesce(f.incident, s.incident) || ' at ' || coalesce(f.t, s.t) || ' was '
  || coalesce(s.state, 'nothing') || ', its events until then say ' || coalesce(f.to_state, 'nothing')
  AS place
FROM folded f FULL JOIN stood s ON s.t = f.t AND s.incident = f.incident
WHERE f.to_state IS DISTINCT FROM s.state""")

_AUDIENCE = sql.SQL("""
WITH held AS (
  SELECT e.incident, coalesce(p.path, e.path) AS path, coalesce(e.holder_department, '') AS department,
         e.n, e.known_at
  FROM event e LEFT JOIN place p ON p.code = e.holder_place
  UNION ALL SELECT id, path, '', 0, known_at FROM incident),
due AS (
  SELECT incident, path, department, (array_agg(known_at ORDER BY n))[1] AS since FROM held GROUP BY 1, 2, 3),
stands AS (SELECT incident, path, coalesce(department, '') AS department, since FROM audience)
SELECT 'incident ' || incident || CASE WHEN d.since IS NULL THEN ' is seen without reason by '
  WHEN s.since IS NULL THEN ' is not seen by '
  ELSE ' is seen since another time by ' END || path || department AS place
FROM due d FULL JOIN stands s USING (incident, path, department) WHERE d.since IS DISTINCT FROM s.since""")
