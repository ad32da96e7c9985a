-- oldest: 7
-- Texts of clusters that nothing names any more may go (docs/adr/0028-definitions-go.md).

-- Looks at the next rows_max digests behind one and deletes those that no execution and no stored version names.
-- last: the last one it looked at; NULL: there are no more.
--
-- Whoever stores an execution or a version brings its text in the same transaction, and that insert locks the table
-- until the end of it, also where the text is there already. So a text that is found unused behind our lock is: nobody
-- who took it for granted is still on the way, and who comes later puts it again. Commits wait behind a lock that waits,
-- so it is given up soon, and asked for only where there is something to delete.
CREATE OR REPLACE FUNCTION exo_definition_drop(after bytea, rows_max bigint, OUT dropped bigint, OUT last bytea)
LANGUAGE plpgsql AS $$
DECLARE
    digests bytea[];
BEGIN
    dropped := 0;
    digests := ARRAY(SELECT d.digest FROM definition d WHERE d.digest > after ORDER BY d.digest LIMIT rows_max);
    IF cardinality(digests) = rows_max THEN
        last := digests[rows_max];
    END IF;
    digests := ARRAY(SELECT u.digest FROM unnest(digests) u (digest)
                      WHERE NOT EXISTS (SELECT FROM execution e WHERE e.definition = u.digest)
                        AND NOT EXISTS (SELECT FROM stored_version v WHERE v.digest = u.digest));
    IF cardinality(digests) = 0 THEN
        RETURN;
    END IF;
    BEGIN
        PERFORM set_config('lock_timeout', '100ms', true);
        LOCK TABLE definition IN SHARE ROW EXCLUSIVE MODE;
    EXCEPTION WHEN lock_not_available THEN
        last := after;
        RETURN;
    END;
    -- A statement of its own: it sees what those have committed that the lock waited for.
    DELETE FROM definition d
     WHERE d.digest = ANY (digests)
       AND NOT EXISTS (SELECT FROM execution e WHERE e.definition = d.digest)
       AND NOT EXISTS (SELECT FROM stored_version v WHERE v.digest = d.digest);
    GET DIAGNOSTICS dropped = ROW_COUNT;
END $$;

-- What a try has left that did not come to its end.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('execution_by_definition') AND NOT indisvalid) THEN
        DROP INDEX execution_by_definition;
    END IF;
    -- Nobody waits where there is nothing to read: a new installation.
    IF NOT EXISTS (SELECT FROM execution) THEN
        CREATE INDEX IF NOT EXISTS execution_by_definition ON execution (definition);
    END IF;
END $$;
-- beside
CREATE INDEX CONCURRENTLY IF NOT EXISTS execution_by_definition ON execution (definition)
