-- What a gateway remembers about a user must be forgotten when it changes, whoever changes it. The transaction that
-- changes it says so on the channel claimgate_access when it commits: the id of the user, or nothing, which means
-- everybody. A transaction names a hundred users at most, then everybody once: PostgreSQL drops what has been said.
CREATE FUNCTION "notify_access"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named integer := coalesce(nullif(current_setting('claimgate.named', true), ''), '0')::integer;
    old_user uuid;
    new_user uuid;
BEGIN
    IF TG_LEVEL = 'STATEMENT' OR TG_TABLE_NAME = 'role' OR named >= 100 THEN
        PERFORM pg_notify('claimgate_access', '');
        RETURN NULL;
    END IF;
    IF TG_TABLE_NAME = 'user' THEN
        old_user := OLD."id";
        IF TG_OP = 'UPDATE' THEN new_user := NEW."id"; END IF;
    ELSE
        IF TG_OP <> 'INSERT' THEN old_user := OLD."user_id"; END IF;
        IF TG_OP <> 'DELETE' THEN new_user := NEW."user_id"; END IF;
    END IF;
    PERFORM set_config('claimgate.named', (named + 1)::text, true);
    IF old_user IS NOT NULL THEN
        PERFORM pg_notify('claimgate_access', old_user::text);
    END IF;
    IF new_user IS DISTINCT FROM old_user AND new_user IS NOT NULL THEN
        PERFORM pg_notify('claimgate_access', new_user::text);
    END IF;
    RETURN NULL;
END $$;

-- A role that is deleted takes its rows of user_role along, and the default roles: those say whom it concerns.
CREATE TRIGGER "role_notify_update" AFTER UPDATE ON "role"
FOR EACH ROW WHEN ((OLD."id", OLD."name") IS DISTINCT FROM (NEW."id", NEW."name"))
EXECUTE FUNCTION "notify_access"();

CREATE TRIGGER "role_notify_delete" AFTER DELETE ON "role" FOR EACH ROW EXECUTE FUNCTION "notify_access"();

CREATE TRIGGER "user_notify_update" AFTER UPDATE ON "user"
FOR EACH ROW WHEN ((OLD."id", OLD."username", OLD."active", OLD."default_role_id")
    IS DISTINCT FROM (NEW."id", NEW."username", NEW."active", NEW."default_role_id"))
EXECUTE FUNCTION "notify_access"();

CREATE TRIGGER "user_notify_delete" AFTER DELETE ON "user" FOR EACH ROW EXECUTE FUNCTION "notify_access"();

CREATE TRIGGER "user_role_notify" AFTER INSERT OR UPDATE OR DELETE ON "user_role"
FOR EACH ROW EXECUTE FUNCTION "notify_access"();

CREATE TRIGGER "user_claim_notify" AFTER INSERT OR UPDATE OR DELETE ON "user_claim"
FOR EACH ROW EXECUTE FUNCTION "notify_access"();

-- Not what a login or a refresh writes: a session that begins is not remembered yet, and one that goes on lives longer
-- than is remembered. Committing a notification takes a lock that the whole server has only once. Two triggers, because
-- PostgreSQL reads the condition of a trigger anew for every statement, and refreshes are many.
CREATE TRIGGER "session_notify_update" AFTER UPDATE OF "id", "user_id", "revoked_at", "expires_at" ON "session"
FOR EACH ROW WHEN (OLD."id" <> NEW."id" OR OLD."user_id" <> NEW."user_id"
    OR OLD."revoked_at" IS DISTINCT FROM NEW."revoked_at" OR NEW."expires_at" < OLD."expires_at")
EXECUTE FUNCTION "notify_access"();

CREATE TRIGGER "session_notify_idle" AFTER UPDATE OF "idle_expires_at" ON "session"
FOR EACH ROW WHEN (NEW."idle_expires_at" < OLD."idle_expires_at")
EXECUTE FUNCTION "notify_access"();

-- Nor the sweeping of sessions that ended a day ago; half of it is for clocks that differ.
CREATE TRIGGER "session_notify_delete" AFTER DELETE ON "session"
FOR EACH ROW WHEN (OLD."revoked_at" IS NULL
    AND least(OLD."idle_expires_at", OLD."expires_at") > CURRENT_TIMESTAMP - INTERVAL '12 hours')
EXECUTE FUNCTION "notify_access"();

CREATE TRIGGER "role_notify_truncate" AFTER TRUNCATE ON "role" EXECUTE FUNCTION "notify_access"();
CREATE TRIGGER "user_notify_truncate" AFTER TRUNCATE ON "user" EXECUTE FUNCTION "notify_access"();
CREATE TRIGGER "user_role_notify_truncate" AFTER TRUNCATE ON "user_role" EXECUTE FUNCTION "notify_access"();
CREATE TRIGGER "user_claim_notify_truncate" AFTER TRUNCATE ON "user_claim" EXECUTE FUNCTION "notify_access"();
CREATE TRIGGER "session_notify_truncate" AFTER TRUNCATE ON "session" EXECUTE FUNCTION "notify_access"();

-- Also where rows arrive by logical replication.
ALTER TABLE "role" ENABLE ALWAYS TRIGGER "role_notify_update";
ALTER TABLE "role" ENABLE ALWAYS TRIGGER "role_notify_truncate";
-- Only there: foreign keys do nothing then.
ALTER TABLE "role" ENABLE REPLICA TRIGGER "role_notify_delete";
ALTER TABLE "user" ENABLE ALWAYS TRIGGER "user_notify_update";
ALTER TABLE "user" ENABLE ALWAYS TRIGGER "user_notify_delete";
ALTER TABLE "user" ENABLE ALWAYS TRIGGER "user_notify_truncate";
ALTER TABLE "user_role" ENABLE ALWAYS TRIGGER "user_role_notify";
ALTER TABLE "user_role" ENABLE ALWAYS TRIGGER "user_role_notify_truncate";
ALTER TABLE "user_claim" ENABLE ALWAYS TRIGGER "user_claim_notify";
ALTER TABLE "user_claim" ENABLE ALWAYS TRIGGER "user_claim_notify_truncate";
ALTER TABLE "session" ENABLE ALWAYS TRIGGER "session_notify_update";
ALTER TABLE "session" ENABLE ALWAYS TRIGGER "session_notify_idle";
ALTER TABLE "session" ENABLE ALWAYS TRIGGER "session_notify_delete";
ALTER TABLE "session" ENABLE ALWAYS TRIGGER "session_notify_truncate";

-- One row for each user, whose version is another one whenever what claims are made of has changed: what an app
-- subscribes to, to fetch a new token at once.
CREATE VIEW "user_claims_version" AS
SELECT u."id" AS "user_id", encode(sha256(convert_to(jsonb_build_array(
    u."active",
    (SELECT d."name" FROM "role" d WHERE d."id" = u."default_role_id"),
    ARRAY(SELECT r."name"::text FROM "user_role" ur JOIN "role" r ON r."id" = ur."role_id"
          WHERE ur."user_id" = u."id" ORDER BY r."name"),
    (SELECT jsonb_object_agg(c."name", c."value") FROM "user_claim" c WHERE c."user_id" = u."id")
)::text, 'UTF8')), 'hex') AS "version"
FROM "user" u;
