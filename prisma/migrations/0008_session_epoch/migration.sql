-- A session counts only with the epoch of its user, so one row ends all sessions of a user, whatever their number.
ALTER TABLE "user" ADD COLUMN     "session_epoch" INTEGER NOT NULL DEFAULT 0;

-- The default is for the existing rows. The trigger session_begin fills the column of new rows, also of the previous
-- version of the gateway and of other programs.
ALTER TABLE "session" ADD COLUMN     "epoch" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "session" ALTER COLUMN "epoch" DROP DEFAULT;

-- Functions name the schema of their table, because the writer's search_path may be another one.
CREATE FUNCTION "begin_session"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT coalesce(max("session_epoch"), 0) FROM %I."user" WHERE "id" = $1', TG_TABLE_SCHEMA)
    INTO NEW."epoch" USING NEW."user_id";
    RETURN NEW;
END $$;

CREATE TRIGGER "session_begin" BEFORE INSERT ON "session"
FOR EACH ROW WHEN (NEW."epoch" IS NULL) EXECUTE FUNCTION "begin_session"();

-- The gateway sets claimgate.sessions_per_user and locks the row of the user when it begins a session. Of more unrevoked
-- sessions the least recently used ones end, expired ones first. The number of rows is bounded: a user from before the
-- limit may have very many.
CREATE FUNCTION "end_surplus_sessions"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'UPDATE %1$I."session" SET "revoked_at" = $1, "revoked_reason" = ''surplus'' WHERE "id" IN (
            SELECT "id" FROM (
                SELECT * FROM %1$I."session" WHERE "user_id" = $2 AND "epoch" = $3 AND "revoked_at" IS NULL
                ORDER BY "created_at" LIMIT $5 + 999) AS oldest
            WHERE "id" <> $4
            ORDER BY least("idle_expires_at", "expires_at") <= $1, coalesce("rotated_at", "created_at") DESC, "id"
            OFFSET $5 - 1)', TG_TABLE_SCHEMA)
    USING NEW."created_at", NEW."user_id", NEW."epoch", NEW."id",
        current_setting('claimgate.sessions_per_user')::integer;
    RETURN NULL;
END $$;

CREATE TRIGGER "session_end_surplus" AFTER INSERT ON "session"
FOR EACH ROW WHEN (coalesce(current_setting('claimgate.sessions_per_user', true), '') <> '')
EXECUTE FUNCTION "end_surplus_sessions"();

-- A deactivation or a new password is a new epoch, in the same transaction. An epoch never comes back, because ended
-- sessions would come back with it.
CREATE FUNCTION "next_session_epoch"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW."session_epoch" = OLD."session_epoch" AND NEW."active"
        AND current_setting('claimgate.keep_session', true) = 'all' THEN
        RETURN NEW;
    END IF;
    NEW."session_epoch" := greatest(NEW."session_epoch", OLD."session_epoch" + 1);
    RETURN NEW;
END $$;

CREATE TRIGGER "user_next_epoch" BEFORE UPDATE OF "active", "password", "session_epoch" ON "user"
FOR EACH ROW WHEN ((OLD."active" AND NOT NEW."active") OR OLD."password" IS DISTINCT FROM NEW."password"
    OR NEW."session_epoch" < OLD."session_epoch")
EXECUTE FUNCTION "next_session_epoch"();

-- The session that stays moves to the new epoch. Others are marked as ended too, for the previous version of the gateway
-- and for programs that read the table: at most a thousand, and none that another transaction holds, so that the
-- end of all sessions neither takes long nor waits. A transaction may set claimgate.end_reason.
CREATE OR REPLACE FUNCTION "end_sessions"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept text := coalesce(current_setting('claimgate.keep_session', true), '');
BEGIN
    IF NEW."active" AND kept ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
        EXECUTE format(
            'UPDATE %I."session" SET "epoch" = $1
             WHERE "id" = $2 AND "user_id" = $3 AND "epoch" = $4 AND "revoked_at" IS NULL', TG_TABLE_SCHEMA)
        USING NEW."session_epoch", kept::uuid, NEW."id", OLD."session_epoch";
    END IF;
    EXECUTE format(
        'UPDATE %1$I."session" SET "revoked_at" = CURRENT_TIMESTAMP, "revoked_reason" = $1 WHERE "id" IN (
            SELECT "id" FROM %1$I."session" WHERE "user_id" = $2 AND "epoch" < $3 AND "revoked_at" IS NULL
            ORDER BY "epoch" DESC, "created_at" DESC LIMIT 1000 FOR UPDATE SKIP LOCKED)', TG_TABLE_SCHEMA)
    USING CASE
        WHEN OLD."active" AND NOT NEW."active" THEN 'user_deactivated'
        WHEN OLD."password" IS DISTINCT FROM NEW."password" THEN 'password_changed'
        ELSE coalesce(nullif(current_setting('claimgate.end_reason', true), ''), 'all_ended')
    END, NEW."id", NEW."session_epoch";
    RETURN NULL;
END $$;

DROP TRIGGER "user_end_sessions" ON "user";
CREATE TRIGGER "user_end_sessions" AFTER UPDATE ON "user"
FOR EACH ROW WHEN (OLD."session_epoch" <> NEW."session_epoch") EXECUTE FUNCTION "end_sessions"();

-- A transaction names each user once, and a hundred users at most, then all users once. The setting has the ids of the
-- named users, and * after all users. Row triggers, because statement triggers do not fire for replicated rows.
CREATE OR REPLACE FUNCTION "notify_access"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named text := coalesce(current_setting('claimgate.named', true), '');
    old_user uuid;
    new_user uuid;
    changed uuid;
BEGIN
    IF named = '*' THEN
        RETURN NULL;
    END IF;
    IF TG_LEVEL = 'STATEMENT' OR TG_TABLE_NAME = 'role' THEN
        PERFORM set_config('claimgate.named', '*', true), pg_notify('claimgate_access', '');
        RETURN NULL;
    END IF;
    IF TG_TABLE_NAME = 'user' THEN
        old_user := OLD."id";
        IF TG_OP = 'UPDATE' THEN new_user := NEW."id"; END IF;
    ELSE
        IF TG_OP <> 'INSERT' THEN old_user := OLD."user_id"; END IF;
        IF TG_OP <> 'DELETE' THEN new_user := NEW."user_id"; END IF;
    END IF;
    FOREACH changed IN ARRAY ARRAY[old_user, new_user] LOOP
        CONTINUE WHEN changed IS NULL OR position(changed::text IN named) > 0;
        IF length(named) >= 3600 THEN
            PERFORM set_config('claimgate.named', '*', true), pg_notify('claimgate_access', '');
            RETURN NULL;
        END IF;
        named := named || changed::text;
        PERFORM set_config('claimgate.named', named, true), pg_notify('claimgate_access', changed::text);
    END LOOP;
    RETURN NULL;
END $$;

DROP TRIGGER "user_notify_update" ON "user";
CREATE TRIGGER "user_notify_update" AFTER UPDATE ON "user"
FOR EACH ROW WHEN ((OLD."id", OLD."username", OLD."active", OLD."default_role_id", OLD."session_epoch")
    IS DISTINCT FROM (NEW."id", NEW."username", NEW."active", NEW."default_role_id", NEW."session_epoch"))
EXECUTE FUNCTION "notify_access"();
ALTER TABLE "user" ENABLE ALWAYS TRIGGER "user_notify_update";

DROP TRIGGER "session_notify_update" ON "session";
CREATE TRIGGER "session_notify_update" AFTER UPDATE OF "id", "user_id", "epoch", "revoked_at", "expires_at" ON "session"
FOR EACH ROW WHEN (OLD."id" <> NEW."id" OR OLD."user_id" <> NEW."user_id" OR OLD."epoch" <> NEW."epoch"
    OR OLD."revoked_at" IS DISTINCT FROM NEW."revoked_at" OR NEW."expires_at" < OLD."expires_at")
EXECUTE FUNCTION "notify_access"();
ALTER TABLE "session" ENABLE ALWAYS TRIGGER "session_notify_update";
