-- Whoever deactivates a user or changes a password ends the user's sessions, in the same transaction: the gateway,
-- Hasura, or a person at psql. A transaction may set claimgate.keep_session to the id of a session that stays (a user
-- who changes their own password), or to 'all' (the same password, hashed anew).
CREATE FUNCTION "end_sessions"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    kept text := coalesce(current_setting('claimgate.keep_session', true), '');
BEGIN
    IF NEW."active" AND kept = 'all' THEN
        RETURN NULL;
    END IF;
    UPDATE "session"
    SET "revoked_at" = CURRENT_TIMESTAMP,
        "revoked_reason" = CASE WHEN NEW."active" THEN 'password_changed' ELSE 'user_deactivated' END
    WHERE "user_id" = NEW."id" AND "revoked_at" IS NULL AND (NOT NEW."active" OR "id"::text <> kept);
    RETURN NULL;
END $$;

CREATE TRIGGER "user_end_sessions" AFTER UPDATE OF "active", "password" ON "user"
FOR EACH ROW WHEN ((OLD."active" AND NOT NEW."active") OR OLD."password" IS DISTINCT FROM NEW."password")
EXECUTE FUNCTION "end_sessions"();

-- At most one key waits to sign, whoever writes the table.
CREATE UNIQUE INDEX "signing_key_one_next" ON "signing_key" ("state") WHERE "state" = 'next';
