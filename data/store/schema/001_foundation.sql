-- The foundation: one tree, one event log, roll-ups written by one folding process.
-- Runs as the owner. Nothing newer than PostgreSQL 15.

CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- The one clock. Only sessions of cityops_replay (history loader, simulation, tests) may set app.now.
CREATE FUNCTION city_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN session_user = 'cityops_replay'
              THEN coalesce(nullif(current_setting('app.now', true), '')::timestamptz, now())
              ELSE now() END
$$;

-- ── the city ────────────────────────────────────────────────────────────────────────────────
CREATE TABLE city (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  root       text NOT NULL,
  name_zh    text NOT NULL,
  name_en    text NOT NULL,
  timezone   text NOT NULL,
  languages  text[] NOT NULL,
  domains    jsonb NOT NULL DEFAULT '[]',       -- [{"code", "name_zh", "name_en"}] in the catalogue's order
  units      jsonb NOT NULL DEFAULT '{}',       -- {"人": "people"}: units with a word, in English
  base       jsonb,                             -- schematic base layer, GeoJSON
  demo       jsonb NOT NULL DEFAULT '{}',
  hash       text NOT NULL,                     -- of the folder
  loaded_at  timestamptz NOT NULL DEFAULT now(),
  history    real CHECK (history BETWEEN 0 AND 1)  -- null: nothing to load
);

CREATE TABLE place (
  code       text PRIMARY KEY,
  parent     text REFERENCES place,
  tier       smallint NOT NULL CHECK (tier BETWEEN 1 AND 5),
  path       text COLLATE "C" NOT NULL UNIQUE,  -- 4201/420106/
  district   text NOT NULL,                     -- tier-2 code, the root's above it
  name_zh    text NOT NULL,
  name_en    text NOT NULL,
  centre     point,                             -- (lon, lat)
  geometry   jsonb,                             -- GeoJSON geometry, WGS84
  outline    jsonb,                             -- the same, simplified for drawing
  bounds     box,
  population double precision,
  area       double precision,                  -- km²
  schematic  boolean NOT NULL DEFAULT true,
  sought     text NOT NULL DEFAULT ''           -- code, names, pinyin and initials in lower case
);
CREATE INDEX ON place (parent, code);
CREATE INDEX ON place USING gist (bounds);
CREATE INDEX ON place USING gin (sought gin_trgm_ops);
CREATE TABLE place_was (LIKE place, valid tstzrange NOT NULL);
CREATE INDEX ON place_was (code, valid);

CREATE TABLE department (
  code    text PRIMARY KEY,
  place   text NOT NULL REFERENCES place,
  name_zh text NOT NULL,
  name_en text NOT NULL
);

CREATE TABLE asset (
  code       text PRIMARY KEY,
  kind       text NOT NULL,
  place      text NOT NULL REFERENCES place,
  path       text COLLATE "C" NOT NULL,
  district   text NOT NULL,
  point      point,
  name_zh    text NOT NULL,
  name_en    text NOT NULL,
  department text,
  facts      jsonb NOT NULL DEFAULT '{}',
  schematic  boolean NOT NULL DEFAULT false
);
CREATE INDEX ON asset (path, kind, code);

CREATE TABLE class (
  code         text NOT NULL,
  condition    text NOT NULL DEFAULT '',
  no           integer NOT NULL,                -- order in the folder: a class's first row holds until one is chosen
  name_zh      text NOT NULL,
  name_en      text NOT NULL,
  "limit"      double precision,
  unit         text,
  stage        text,
  source       text,
  illustrative boolean NOT NULL DEFAULT false,
  PRIMARY KEY (code, condition)
);
CREATE TABLE class_was (LIKE class, valid tstzrange NOT NULL);
CREATE INDEX ON class_was (code, valid);

-- ── vital signs ─────────────────────────────────────────────────────────────────────────────
CREATE TABLE sign (
  code         text PRIMARY KEY,
  no           integer NOT NULL,                -- the catalogue's fixed order
  name_zh      text NOT NULL,
  name_en      text NOT NULL,
  domain       text NOT NULL,
  unit         text NOT NULL DEFAULT '',
  period       interval,                        -- null: by event
  tier         smallint,
  kind         text,
  direction    text NOT NULL CHECK (direction IN ('H', 'L', 'B', 'N')),
  t1           text NOT NULL DEFAULT '',        -- the folder's cells; limits of a series are resolved in node
  t2           text NOT NULL DEFAULT '',
  t3           text NOT NULL DEFAULT '',
  hysteresis   text NOT NULL DEFAULT '',
  hold         interval NOT NULL DEFAULT '0',
  freshness    interval NOT NULL,
  fold_time    text NOT NULL CHECK (fold_time IN ('mean', 'sum', 'max', 'min', 'last')),
  fold_space   text NOT NULL CHECK (fold_space IN ('sum', 'mean', 'max', 'min', 'worst', 'none')),
  weight       text NOT NULL DEFAULT '1' CHECK (weight IN ('1', 'population', 'area')),
  weighted     boolean NOT NULL DEFAULT false,  -- false with a weight other than 1: a figure lacks, shown as 未加权
  shared       boolean NOT NULL DEFAULT false,
  department   text,
  source       text NOT NULL DEFAULT '',
  illustrative boolean NOT NULL DEFAULT false,
  CHECK ((tier IS NULL) <> (kind IS NULL))
);
CREATE TABLE sign_was (LIKE sign, valid tstzrange NOT NULL);
CREATE INDEX ON sign_was (code, valid);

-- A feed. simulated: the seeded simulator's. The ledger balances: received = stored + same + rejected.
CREATE TABLE source (
  feed      text PRIMARY KEY,
  kind      text NOT NULL DEFAULT 'sensing' CHECK (kind IN ('sensing', 'government', 'society')),  -- 感知 政务 社会
  simulated boolean NOT NULL DEFAULT false,
  first_at  timestamptz,
  last_at   timestamptz
);
CREATE TABLE ledger (
  feed     text NOT NULL REFERENCES source,
  hour     timestamptz NOT NULL,
  received bigint NOT NULL,
  stored   bigint NOT NULL,
  same     bigint NOT NULL,
  rejected bigint NOT NULL,
  reasons  jsonb NOT NULL DEFAULT '{}',          -- {"future": 3}
  PRIMARY KEY (feed, hour),
  CHECK (received = stored + same + rejected)
);

-- A measured series (leaf) or its fold at a place above. id = district's number × 10⁷ + a number in place order.
CREATE TABLE node (
  id       bigint PRIMARY KEY,
  sign     text NOT NULL REFERENCES sign,
  place    text NOT NULL REFERENCES place,
  asset    text NOT NULL DEFAULT '',
  parent   bigint REFERENCES node,
  anc      bigint[] NOT NULL,                   -- root first, itself not included
  tier     smallint NOT NULL,                   -- the place's; a leaf on an asset: one below its place
  leaf     boolean NOT NULL,
  w        double precision NOT NULL DEFAULT 1,
  expected integer NOT NULL,                    -- leaves at or below, in force
  capacity double precision,
  lo       double precision[] NOT NULL DEFAULT '{NULL,NULL,NULL}',   -- limits of attention, warning, alarm
  hi       double precision[] NOT NULL DEFAULT '{NULL,NULL,NULL}',
  slack    double precision NOT NULL DEFAULT 0, -- hysteresis in the sign's unit
  source   text REFERENCES source,              -- a leaf's one source, once it has reported
  since    timestamptz NOT NULL DEFAULT '-infinity',
  until    timestamptz NOT NULL DEFAULT 'infinity',
  UNIQUE (place, sign, asset)
);
CREATE INDEX ON node (parent);
CREATE INDEX ON node (asset, sign) WHERE asset <> '';
CREATE INDEX ON node (place, asset) INCLUDE (id, sign, tier, leaf, expected);

CREATE TABLE reading (
  id          bigint NOT NULL,
  at          timestamptz NOT NULL,
  value       double precision NOT NULL,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);

-- What the folding process has still to take: one row a batch of readings, in the readings' own transaction.
CREATE TABLE inbox (
  n    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  fast boolean NOT NULL DEFAULT false,          -- latest holds it already
  size integer NOT NULL,
  ids  bigint[] NOT NULL,
  ats  timestamptz[] NOT NULL,
  vals double precision[] NOT NULL
);

-- Days of a node whose buckets are to be made anew: of a series from raw, of a fold from its children. Deepest first.
CREATE TABLE refill (
  tier smallint NOT NULL,
  day  timestamptz NOT NULL,
  id   bigint NOT NULL,
  PRIMARY KEY (tier, day, id)
);

CREATE TABLE latest (
  id            bigint PRIMARY KEY REFERENCES node,
  live          integer NOT NULL DEFAULT 0,     -- live leaves at or below
  rank          smallint NOT NULL DEFAULT 0,    -- 0 normal … 3 alarm, by the limits on the value (fold none: the worst below)
  at            timestamptz,                    -- a fold's: its oldest live input's
  expires       timestamptz,
  value         double precision,
  w             double precision,
  wv            double precision,
  lo            double precision,
  hi            double precision,
  source        text,                           -- one feed, 'several', or null
  simulated     boolean NOT NULL DEFAULT false,
  held          smallint NOT NULL DEFAULT 5,    -- the open sign_span's status: hysteresis and hold included
  pending       smallint,
  pending_since timestamptz
) WITH (fillfactor = 50);

CREATE TABLE rollup_hour (
  at       timestamptz NOT NULL,
  id       bigint NOT NULL,
  n        bigint,
  live     integer NOT NULL,
  expected integer NOT NULL,
  rank     smallint NOT NULL DEFAULT 0,
  sum      double precision,
  min      double precision,
  max      double precision,
  last     double precision,
  last_at  timestamptz,
  value    double precision,
  w        double precision,
  wv       double precision,
  lo       double precision,
  hi       double precision,
  fold     text,
  PRIMARY KEY (at, id)
) WITH (fillfactor = 50);
CREATE INDEX ON rollup_hour (id, at);
CREATE TABLE rollup_day (LIKE rollup_hour INCLUDING ALL) WITH (fillfactor = 50);

-- status: 0 normal 1 attention 2 warning 3 alarm 4 stale 5 none
CREATE TABLE sign_span (
  id     bigint NOT NULL REFERENCES node,
  status smallint NOT NULL,
  during tstzrange NOT NULL,
  PRIMARY KEY (id, during)
);
CREATE UNIQUE INDEX sign_span_open ON sign_span (id) WHERE upper_inf(during);
CREATE INDEX ON sign_span USING gist (id, during);

-- How far beyond its limits a value lies. H: at or above; L: below (100 % is met at 100); B: outside lo..hi.
CREATE FUNCTION rank_of(direction text, lo double precision[], hi double precision[], v double precision, slack double precision DEFAULT 0)
RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (CASE direction
    WHEN 'H' THEN CASE WHEN v >= hi[3] - slack THEN 3 WHEN v >= hi[2] - slack THEN 2 WHEN v >= hi[1] - slack THEN 1 ELSE 0 END
    WHEN 'L' THEN CASE WHEN v < lo[3] + slack THEN 3 WHEN v < lo[2] + slack THEN 2 WHEN v < lo[1] + slack THEN 1 ELSE 0 END
    WHEN 'B' THEN CASE WHEN v < lo[3] + slack OR v > hi[3] - slack THEN 3
                       WHEN v < lo[2] + slack OR v > hi[2] - slack THEN 2
                       WHEN v < lo[1] + slack OR v > hi[1] - slack THEN 1 ELSE 0 END
    ELSE 0 END)::smallint
$$;

-- The greater, the worse, among values of one rank.
CREATE FUNCTION beyond_of(direction text, lo double precision[], hi double precision[], v double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE direction WHEN 'L' THEN -v WHEN 'B' THEN coalesce(greatest(lo[1] - v, v - hi[1]), v) ELSE v END
$$;

-- The status as it is now, without hysteresis and hold.
CREATE FUNCTION status_of(live integer, rank smallint, at timestamptz)
RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (CASE WHEN live > 0 THEN rank WHEN at IS NOT NULL THEN 4 ELSE 5 END)::smallint
$$;

-- Months come into being as readings for them do; the application's role owns nothing, so the owner's function does it.
CREATE FUNCTION reading_month(at timestamptz) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  low  timestamptz := date_trunc('month', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
  high timestamptz := (date_trunc('month', at AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
  name text := 'reading_' || to_char(at AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
  IF at < '2000-01-01' OR at > now() + interval '1 year' THEN
    RAISE EXCEPTION 'no month for %', at USING ERRCODE = '22008';
  END IF;
  IF to_regclass(name) IS NULL THEN
    PERFORM pg_advisory_xact_lock(77, 0);
    -- not to_regclass again: it would answer from what this session remembers
    IF NOT EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = 'public'::regnamespace) THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF reading FOR VALUES FROM (%L) TO (%L)', name, low, high);
      EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO cityops_app', name);
    END IF;
  END IF;
  RETURN name;
END $$;

-- ── incidents ───────────────────────────────────────────────────────────────────────────────
CREATE SEQUENCE incident_number;
CREATE TABLE incident (
  id                uuid PRIMARY KEY,           -- uuidv7, made by us
  number            text NOT NULL UNIQUE,       -- 20200706000123
  version           integer NOT NULL,
  class             text NOT NULL,
  severity          smallint CHECK (severity BETWEEN 1 AND 4),   -- 1 特 … 4 般, null 日常
  state             text NOT NULL,
  stage             smallint NOT NULL CHECK (stage BETWEEN 1 AND 7),
  place             text NOT NULL REFERENCES place,
  path              text COLLATE "C" NOT NULL,
  district          text NOT NULL,
  point             point,
  placed            text NOT NULL CHECK (placed IN ('given', 'point', 'schematic')),
  at                timestamptz NOT NULL,
  known_at          timestamptz NOT NULL,
  due               timestamptz,
  overdue           boolean NOT NULL DEFAULT false,
  open              boolean NOT NULL,
  holder_place      text REFERENCES place,
  holder_department text,
  holder_seat       text,
  source            text NOT NULL REFERENCES source,
  source_id         text NOT NULL,
  description       text NOT NULL DEFAULT '',
  sign              text,
  asset             text,
  simulated         boolean NOT NULL DEFAULT false,
  UNIQUE (source, source_id)
);
CREATE INDEX ON incident (at DESC, id DESC);
CREATE INDEX ON incident (path, at DESC, id DESC);
CREATE INDEX incident_open ON incident (path) INCLUDE (state, stage, severity, overdue, class) WHERE open;
CREATE INDEX incident_due ON incident (due) WHERE open AND NOT overdue AND due IS NOT NULL;
CREATE INDEX incident_sign ON incident (sign, at DESC) WHERE sign IS NOT NULL;

CREATE TABLE event (
  id                uuid PRIMARY KEY,           -- uuidv7
  incident          uuid NOT NULL REFERENCES incident,
  n                 integer NOT NULL,           -- the case's version after it
  path              text COLLATE "C" NOT NULL,
  district          text NOT NULL,
  at                timestamptz NOT NULL,       -- when it happened
  known_at          timestamptz NOT NULL,       -- city_now() of the transaction
  actor             text NOT NULL,
  holder_place      text,
  holder_department text,
  holder_seat       text,
  tier              smallint NOT NULL,
  act               text NOT NULL,
  from_state        text,
  to_state          text NOT NULL,
  note              text NOT NULL DEFAULT '',
  payload           jsonb NOT NULL DEFAULT '{}',
  node              text NOT NULL,              -- the platform that wrote it
  hash              text NOT NULL,              -- sha256: of the previous hash and the other columns but seq and xid
  seq               bigint GENERATED ALWAYS AS IDENTITY,
  xid               xid8 NOT NULL DEFAULT pg_current_xact_id(),
  UNIQUE (incident, n)
);
CREATE INDEX event_log ON event (xid, seq);
CREATE INDEX ON event (path, at DESC);
CREATE INDEX event_ended ON event (at) INCLUDE (path, incident)
  WHERE to_state IN ('closed', 'forced_close') AND from_state IS DISTINCT FROM to_state;
CREATE INDEX ON event (at DESC, seq DESC);      -- the newest acts of a wide subtree

CREATE TABLE span (
  incident          uuid NOT NULL REFERENCES incident,
  n                 integer NOT NULL,
  state             text NOT NULL,
  path              text COLLATE "C" NOT NULL,
  district          text NOT NULL,
  holder_place      text,
  holder_department text,
  holder_seat       text,
  severity          smallint,
  during            tstzrange NOT NULL,         -- by at
  known             tstzrange NOT NULL          -- by known_at
);
CREATE UNIQUE INDEX ON span (incident, n, lower(known));
CREATE INDEX ON span USING gist (during, known);

CREATE TABLE audience (
  incident   uuid NOT NULL REFERENCES incident,
  path       text COLLATE "C" NOT NULL,
  department text,
  since      timestamptz NOT NULL
);
CREATE UNIQUE INDEX ON audience (incident, path, coalesce(department, ''));
CREATE INDEX ON audience (path, incident);

CREATE TABLE decision (
  id     uuid PRIMARY KEY,
  track  text NOT NULL,                         -- 排涝, 防汛, 平急
  place  text NOT NULL REFERENCES place,
  level  text NOT NULL,                         -- I … IV, 平, 急
  by     text NOT NULL,
  reason text NOT NULL,
  source text NOT NULL REFERENCES source,
  valid  tstzrange NOT NULL
);
CREATE INDEX ON decision (place);

CREATE TABLE warning (
  id     text PRIMARY KEY,
  kind   text NOT NULL,                         -- 暴雨
  colour text NOT NULL CHECK (colour IN ('red', 'orange', 'yellow', 'blue')),
  path   text COLLATE "C" NOT NULL,
  issuer text NOT NULL,
  source text NOT NULL REFERENCES source,
  valid  tstzrange NOT NULL
);

-- ── the house itself ────────────────────────────────────────────────────────────────────────
CREATE TABLE beat (
  process text PRIMARY KEY,
  at      timestamptz NOT NULL,
  build   text NOT NULL
);

-- The event log only grows: the application may add to it and read it, nothing else.
GRANT USAGE ON SCHEMA public TO cityops_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO cityops_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cityops_app;
REVOKE UPDATE, DELETE ON event FROM cityops_app;

