-- The application's roles. cityops_replay holds the application's rights and may set the clock (city_now).
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cityops_app') THEN CREATE ROLE cityops_app LOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cityops_replay') THEN CREATE ROLE cityops_replay LOGIN; END IF;
END $$;
DO $$ BEGIN
  IF NOT pg_has_role('cityops_replay', 'cityops_app', 'member') THEN GRANT cityops_app TO cityops_replay; END IF;
END $$;
