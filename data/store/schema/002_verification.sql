-- What `flask verify` and the nightly run have found. Runs as the owner.

CREATE TABLE verification (
  n       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL,                 -- of the moment that was proven
  seconds double precision NOT NULL,
  deep    boolean NOT NULL,
  ok      boolean NOT NULL,
  proofs  jsonb NOT NULL                        -- [{"invariant", "counts", "breaks": [{"clause", "n", "where"}], "missing"}]
);
-- Since when a node's weight, limits and what is expected of it stand as they do: older buckets had others.
ALTER TABLE node ADD stated timestamptz NOT NULL DEFAULT '-infinity';
-- Until now nobody wrote it down.
UPDATE node SET stated = now();

-- A fold made after a weight below it had changed took the new one for the value and the old one for the sum of
-- weights: its days are made anew.
WITH bucket AS (
  SELECT 'hour' AS grain, at, id, w, wv, value FROM rollup_hour
  UNION ALL SELECT 'day', at, id, w, wv, value FROM rollup_day),
due AS (
  SELECT b.grain, b.at, n.parent AS id, sum(x.wv) AS wv, sum(abs(x.wv)) AS size
  FROM bucket b JOIN node n USING (id) CROSS JOIN LATERAL (SELECT coalesce(b.wv, coalesce(b.w, n.w) * b.value) AS wv) x
  WHERE n.parent IS NOT NULL GROUP BY 1, 2, 3)
INSERT INTO refill (tier, day, id)
SELECT DISTINCT n.tier, date_trunc('day', b.at, c.timezone), b.id
FROM due d JOIN bucket b USING (grain, at, id) JOIN node n USING (id), city c
WHERE abs(d.wv - b.wv) > 1e-9 * d.size ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING;

-- What is there of a feed = stored - replaced - removed.
ALTER TABLE ledger ADD replaced bigint NOT NULL DEFAULT 0;   -- of the stored: took the place of another value
ALTER TABLE ledger ADD removed  bigint NOT NULL DEFAULT 0;   -- simulated readings whose series a real source took over
-- Until now neither was counted.
UPDATE ledger l SET removed = x.missing
FROM (SELECT b.feed, b.hour, b.stored - coalesce(t.n, 0) AS missing
      FROM (SELECT feed, max(hour) AS hour, sum(stored) AS stored FROM ledger GROUP BY feed) b
      LEFT JOIN (SELECT feed, sum(n) AS n FROM (
                   SELECT n.source AS feed, count(*) AS n FROM reading r JOIN node n USING (id) GROUP BY 1
                   UNION ALL SELECT source, count(*) FROM incident GROUP BY 1) k GROUP BY feed) t USING (feed)) x
WHERE l.feed = x.feed AND l.hour = x.hour AND x.missing > 0;

GRANT SELECT, INSERT, DELETE ON verification TO cityops_app;
