-- News is counted, months come without blocking anybody, and no counter ends.

-- Every NOTIFY carries its number: whoever did not hear one knows that he missed something.
CREATE SEQUENCE news;
SELECT nextval('news');
GRANT USAGE, SELECT ON SEQUENCE news TO cityops_app;

-- The day stands before the number of a case, batches are taken out of the inbox: both may begin again at 1.
ALTER SEQUENCE incident_number CYCLE;
ALTER TABLE inbox ALTER COLUMN n SET CYCLE;

-- As before, but made aside and attached: neither readers nor writers of the other months wait.
CREATE OR REPLACE FUNCTION reading_month(at timestamptz) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
      EXECUTE format('CREATE TABLE %I (LIKE reading INCLUDING ALL)', name);
      EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO cityops_app', name);
      EXECUTE format('ALTER TABLE reading ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, low, high);
    END IF;
  END IF;
  RETURN name;
END $$;

-- Whoever leaves a transaction open, whatever program it is, holds back everybody who reads the log.
DO $$ BEGIN
  EXECUTE format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = ''10min''', current_database());
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'the limit for idle transactions is left to the database''s owner';
END $$;
