-- Stored clusters (kind 0) and satellites (kind 1): a name, and versions that never change. Numbers
-- begin at 1 and are never used again, also not after a delete, which only hides the name.
CREATE TABLE stored_name (
    kind bigint NOT NULL,
    project text NOT NULL,
    name text NOT NULL,
    newest bigint NOT NULL,
    is_deleted boolean NOT NULL,
    PRIMARY KEY (kind, project, name)
);

CREATE TABLE stored_version (
    kind bigint NOT NULL,
    project text NOT NULL,
    name text NOT NULL,
    number bigint NOT NULL,
    digest bytea NOT NULL REFERENCES definition,
    created_ns bigint NOT NULL,
    actor text NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (kind, project, name, number)
);
-- Whoever forgets definitions must find what still holds one.
CREATE INDEX stored_version_by_digest ON stored_version (digest);

-- Gives what then stands: outcome 0 there already, 1 made, 2 another version stands there than the
-- one expected (-1: any; 0: none).
CREATE FUNCTION exo_version_put(
    of_kind bigint, of_project text, of_name text, new_digest bytea, new_text bytea,
    new_actor text, new_message text, expected bigint, OUT outcome bigint, OUT shown bigint)
LANGUAGE plpgsql AS $$
DECLARE
    was record;
    was_digest bytea;
BEGIN
    INSERT INTO stored_name VALUES (of_kind, of_project, of_name, 0, true) ON CONFLICT DO NOTHING;
    SELECT n.newest, n.is_deleted INTO was FROM stored_name n
     WHERE n.kind = of_kind AND n.project = of_project AND n.name = of_name FOR UPDATE;
    -- A statement of its own: it sees what the holder of the row before us has committed.
    SELECT v.digest INTO was_digest FROM stored_version v
     WHERE v.kind = of_kind AND v.project = of_project AND v.name = of_name
       AND v.number = was.newest;
    shown := CASE WHEN was.is_deleted THEN 0 ELSE was.newest END;
    IF was_digest = new_digest AND (NOT was.is_deleted OR expected <= 0) THEN
        outcome := 0;
        shown := was.newest;
    ELSIF expected >= 0 AND expected <> shown THEN
        outcome := 2;
        RETURN;
    ELSE
        outcome := 1;
        shown := was.newest + 1;
        INSERT INTO definition VALUES (new_digest, new_text) ON CONFLICT DO NOTHING;
        INSERT INTO stored_version VALUES (
            of_kind, of_project, of_name, shown, new_digest,
            (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000, new_actor,
            new_message);
    END IF;
    UPDATE stored_name SET newest = shown, is_deleted = false
     WHERE kind = of_kind AND project = of_project AND name = of_name;
END $$;

-- Hides a name: outcome 0 there is none, 1 hidden, 2 another version stands there.
CREATE FUNCTION exo_version_delete(
    of_kind bigint, of_project text, of_name text, expected bigint,
    OUT outcome bigint, OUT shown bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT n.newest INTO shown FROM stored_name n
     WHERE n.kind = of_kind AND n.project = of_project AND n.name = of_name AND NOT n.is_deleted
       FOR UPDATE;
    IF shown IS NULL THEN
        outcome := 0;
        shown := 0;
    ELSIF expected >= 0 AND expected <> shown THEN
        outcome := 2;
    ELSE
        outcome := 1;
        UPDATE stored_name SET is_deleted = true
         WHERE kind = of_kind AND project = of_project AND name = of_name;
    END IF;
END $$;
