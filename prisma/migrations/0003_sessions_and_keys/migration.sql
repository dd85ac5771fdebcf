-- Whoever deactivates a user or changes a password ends the user's sessions, in the same transaction: the gateway,
-- Hasura, or a person at psql. A transaction may set claimgate.keep_session to the id of a session that stays (a user
-- who changes their own password), or to 'all' (the same password, hashed anew).
CREATE FUNCTION "end_sessions"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept text := coalesce(current_setting('claimgate.keep_session', true), '');
BEGIN
    IF NEW."active" AND kept = 'all' THEN
        RETURN NULL;
    END IF;
    -- Named by its schema, because the writer's search_path may be another one.
    EXECUTE format(
        'UPDATE %I."session" SET "revoked_at" = CURRENT_TIMESTAMP, "revoked_reason" = $1
         WHERE "user_id" = $2 AND "revoked_at" IS NULL AND ($3 OR "id"::text <> $4)', TG_TABLE_SCHEMA)
    USING CASE WHEN NEW."active" THEN 'password_changed' ELSE 'user_deactivated' END, NEW."id", NOT NEW."active", kept;
    RETURN NULL;
END $$;

CREATE TRIGGER "user_end_sessions" AFTER UPDATE OF "active", "password" ON "user"
FOR EACH ROW WHEN ((OLD."active" AND NOT NEW."active") OR OLD."password" IS DISTINCT FROM NEW."password")
EXECUTE FUNCTION "end_sessions"();

-- At most one key waits to sign, whoever writes the table.
CREATE UNIQUE INDEX "signing_key_one_next" ON "signing_key" ("state") WHERE "state" = 'next';
