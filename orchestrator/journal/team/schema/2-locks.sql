-- Locks of runs and hosts: a row each, with a heartbeat by the clock of the database, and a token that rises with each
-- taking. An append that names tokens fails with SG003 where one of them is no longer the lock's.
CREATE SEQUENCE stopgap.tokens;
CREATE TABLE stopgap.locks (
    name text PRIMARY KEY, token bigint NOT NULL, holder text, who text NOT NULL, home text NOT NULL,
    since timestamptz NOT NULL, beat timestamptz NOT NULL
);

-- A restart of the database costs no holder its lock: the lease counts from the start at the earliest.
CREATE FUNCTION stopgap.lapsed(beat timestamptz, lease interval) RETURNS boolean LANGUAGE sql STABLE AS
    $$ SELECT greatest(beat, pg_postmaster_start_time()) + lease < clock_timestamp() $$;

-- Takes a lock that is free, lapsed, of the same holder, or of another process of the same state folder, which knows by
-- its file lock that the other is dead; `over`: in any case. `taken` false: the rest tells of the holder.
CREATE FUNCTION stopgap.take(
    wanted text, by_holder text, by_who text, by_home text, lease interval, over boolean,
    OUT taken boolean, OUT token bigint, OUT who text, OUT since timestamptz, OUT beat timestamptz
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = stopgap, pg_temp AS $$
DECLARE held locks;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('stopgap lock ' || wanted, 0));
    SELECT * INTO held FROM locks WHERE name = wanted;
    taken := NOT FOUND OR held.holder IS NULL OR held.holder = by_holder OR held.home = by_home OR over
        OR lapsed(held.beat, lease);
    IF NOT taken THEN
        token := held.token; who := held.who; since := held.since; beat := held.beat;
        RETURN;
    END IF;
    token := nextval('tokens'); who := by_who; since := clock_timestamp(); beat := since;
    INSERT INTO locks VALUES (wanted, token, by_holder, by_who, by_home, since, beat)
        ON CONFLICT (name) DO UPDATE SET token = excluded.token, holder = excluded.holder, who = excluded.who,
            home = excluded.home, since = excluded.since, beat = excluded.beat;
END $$;

CREATE FUNCTION stopgap.beat(by_holder text) RETURNS TABLE (name text, token bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = stopgap, pg_temp AS $$
    UPDATE locks SET beat = clock_timestamp() WHERE holder = by_holder RETURNING locks.name, locks.token
$$;

CREATE FUNCTION stopgap.release(by_holder text, names text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = stopgap, pg_temp AS $$
    UPDATE locks SET holder = NULL WHERE holder = by_holder AND name = ANY (names)
$$;

CREATE FUNCTION stopgap.append(
    chain text, after integer, previous text, ats text[], kinds text[], texts text[], hashes text[],
    lock_names text[], lock_tokens bigint[],
    OUT appended boolean, OUT head_seq integer, OUT head_hash text
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = stopgap, pg_temp AS $$
DECLARE lost text;
BEGIN
    SELECT string_agg(coalesce(held.who, '') || E'\t' || wanted.name, E'\n') INTO lost
        FROM unnest(lock_names, lock_tokens) AS wanted (name, token)
        LEFT JOIN LATERAL (SELECT * FROM locks WHERE locks.name = wanted.name FOR SHARE) AS held ON true
        WHERE held.token IS DISTINCT FROM wanted.token;
    IF lost IS NOT NULL THEN RAISE EXCEPTION '%', lost USING ERRCODE = 'SG003'; END IF;
    SELECT made.appended, made.head_seq, made.head_hash INTO appended, head_seq, head_hash
        FROM append(chain, after, previous, ats, kinds, texts, hashes) AS made;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA stopgap FROM PUBLIC;
GRANT SELECT ON stopgap.locks TO stopgap_viewer, stopgap_operator, stopgap_keeper;
GRANT EXECUTE ON FUNCTION stopgap.lapsed TO stopgap_viewer, stopgap_operator, stopgap_keeper;
GRANT EXECUTE ON FUNCTION stopgap.take, stopgap.beat, stopgap.release,
    stopgap.append(text, integer, text, text[], text[], text[], text[], text[], bigint[])
    TO stopgap_operator, stopgap_keeper;
