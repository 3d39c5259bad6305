-- What a place counts and lists of its cases stands in indexes alone, so that neither the past nor the width of a
-- row counts.

DROP INDEX incident_open;
CREATE INDEX incident_open ON incident (path) INCLUDE (state, stage, severity, overdue, class, due, id) WHERE open;

DROP INDEX incident_at_id_idx;
CREATE INDEX incident_newest ON incident (at DESC, id DESC) INCLUDE (path, class);

DROP INDEX event_at_seq_idx;
CREATE INDEX event_newest ON event (at DESC, seq DESC) INCLUDE (path, id);

-- A subtree is a range of paths: how much of the whole it is decides between its own index and the newest first.
ALTER TABLE incident ALTER path SET STATISTICS 1000;
ALTER TABLE event ALTER path SET STATISTICS 1000;
ANALYZE incident (path), event (path);
