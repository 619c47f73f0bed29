-- The chained records of all runs. Records are appended by a function alone, which checks the chain; nobody updates or
-- deletes a record. `prune` removes whole runs, for the role that may.
CREATE TABLE stopgap.records (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run text NOT NULL, seq integer NOT NULL, at text NOT NULL, kind text NOT NULL, record text NOT NULL,
    hash text NOT NULL, UNIQUE (run, seq)
);
CREATE INDEX kinds ON stopgap.records (kind, run, seq);
CREATE TABLE stopgap.heads (run text PRIMARY KEY, seq integer NOT NULL, hash text NOT NULL);

CREATE FUNCTION stopgap.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('stopgap.pruning', true) = 'yes' THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'records are append-only';
END $$;
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON stopgap.records
    FOR EACH ROW EXECUTE FUNCTION stopgap.refuse();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON stopgap.records
    FOR EACH STATEMENT EXECUTE FUNCTION stopgap.refuse();

-- Appends records behind the record `after`, whose hash is `previous` (-1 and 64 zeros before the first): all or none.
-- Answers with the present head; `appended` is false where another record stands there, and nothing was written.
-- Errors: SG001 a chain without a head, SG002 a pruned run, SG004 a hash that does not fit.
CREATE FUNCTION stopgap.append(
    chain text, after integer, previous text, ats text[], kinds text[], texts text[], hashes text[],
    OUT appended boolean, OUT head_seq integer, OUT head_hash text
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = stopgap, pg_temp AS $$
BEGIN
    IF chain !~ '^[a-z0-9-]+$' THEN RAISE EXCEPTION 'not the name of a chain' USING ERRCODE = 'SG004'; END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('stopgap ' || chain, 0));
    SELECT seq, hash INTO head_seq, head_hash FROM heads WHERE run = chain;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM records WHERE run = chain) THEN
            RAISE EXCEPTION 'the head of the chain is missing' USING ERRCODE = 'SG001';
        END IF;
        IF EXISTS (SELECT FROM records WHERE run = 'pruned' AND kind = 'run-pruned'
                   AND strpos(record, '"run":"' || chain || '"') > 0) THEN
            RAISE EXCEPTION 'pruned' USING ERRCODE = 'SG002';
        END IF;
        head_seq := -1;
        head_hash := repeat('0', 64);
    END IF;
    appended := head_seq = after AND head_hash = previous;
    IF NOT appended THEN RETURN; END IF;
    IF current_setting('synchronous_commit') = 'off' THEN PERFORM set_config('synchronous_commit', 'on', true); END IF;
    FOR each IN 1 .. cardinality(texts) LOOP
        head_seq := head_seq + 1;
        head_hash := encode(sha256(convert_to(head_hash || E'\n{"at":"' || ats[each] || '","record":' || texts[each]
            || ',"run":"' || chain || '","seq":' || head_seq || '}', 'UTF8')), 'hex');
        IF head_hash IS DISTINCT FROM hashes[each] THEN
            RAISE EXCEPTION 'the hash does not fit' USING ERRCODE = 'SG004';
        END IF;
        INSERT INTO records (run, seq, at, kind, record, hash)
            VALUES (chain, head_seq, ats[each], kinds[each], texts[each], head_hash);
    END LOOP;
    INSERT INTO heads VALUES (chain, head_seq, head_hash)
        ON CONFLICT (run) DO UPDATE SET seq = excluded.seq, hash = excluded.hash;
    PERFORM pg_notify('stopgap', chain || ' ' || head_seq);
END $$;

-- Removes the records of a run whose last record is the given one; SG005 where it is another.
CREATE FUNCTION stopgap.prune(chain text, last_seq integer, last_hash text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stopgap, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('stopgap ' || chain, 0));
    IF NOT EXISTS (SELECT FROM heads WHERE run = chain AND seq = last_seq AND hash = last_hash) THEN
        RAISE EXCEPTION 'changed' USING ERRCODE = 'SG005';
    END IF;
    PERFORM set_config('stopgap.pruning', 'yes', true);
    DELETE FROM records WHERE run = chain;
    DELETE FROM heads WHERE run = chain;
    PERFORM set_config('stopgap.pruning', 'no', true);
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA stopgap FROM PUBLIC;
GRANT USAGE ON SCHEMA stopgap TO stopgap_viewer, stopgap_operator, stopgap_keeper;
GRANT SELECT ON stopgap.records, stopgap.heads TO stopgap_viewer, stopgap_operator, stopgap_keeper;
GRANT EXECUTE ON FUNCTION stopgap.append TO stopgap_operator, stopgap_keeper;
GRANT EXECUTE ON FUNCTION stopgap.prune TO stopgap_keeper;
