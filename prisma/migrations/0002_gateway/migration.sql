-- Constraints of the seed's tables whose names depend on the tool that made them: found by what they are. Those that a
-- table of the owner's refers to stay.
DO $$
DECLARE
    found record;
    role_name_constraint name;
BEGIN
    FOR found IN
        SELECT c.conrelid::regclass AS "table", c.conname AS "name"
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE array_length(c.conkey, 1) = 1 AND (
            (c.contype = 'f' AND c.conrelid = '"user_role"'::regclass AND a.attname IN ('user_id', 'role_id'))
            OR (c.contype = 'u' AND c.conrelid = '"user"'::regclass AND a.attname = 'username' AND NOT EXISTS (
                SELECT 1 FROM pg_constraint r WHERE r.contype = 'f' AND r.conindid = c.conindid)))
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found."table", found."name");
    END LOOP;
    SELECT c.conname INTO role_name_constraint
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.contype = 'u' AND c.conrelid = '"role"'::regclass AND a.attname = 'name' AND array_length(c.conkey, 1) = 1
    ORDER BY c.conname LIMIT 1;
    IF role_name_constraint IS NULL THEN
        ALTER TABLE "role" ADD CONSTRAINT "role_name_key" UNIQUE ("name");
    ELSIF role_name_constraint <> 'role_name_key' THEN
        EXECUTE format('ALTER TABLE "role" RENAME CONSTRAINT %I TO "role_name_key"', role_name_constraint);
    END IF;
    -- An early version of the seed gave roles a password, and required it.
    IF EXISTS (SELECT 1 FROM pg_attribute
               WHERE attrelid = '"role"'::regclass AND attname = 'password' AND NOT attisdropped) THEN
        ALTER TABLE "role" ALTER COLUMN "password" DROP NOT NULL;
    END IF;
END $$;

-- Whoever is neither active nor inactive was refused by the seed.
UPDATE "user" SET "active" = false WHERE "active" IS NULL;
UPDATE "user" SET "created_at" = CURRENT_TIMESTAMP WHERE "created_at" IS NULL;

-- AlterTable
ALTER TABLE "user" ADD COLUMN     "default_role_id" UUID,
ADD COLUMN     "email" TEXT,
ADD COLUMN     "email_verified" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ALTER COLUMN "password" DROP NOT NULL,
ALTER COLUMN "created_at" SET NOT NULL,
ALTER COLUMN "active" SET NOT NULL;

-- The seed let these be null, twice the same, or point nowhere; none of that ever gave anyone a role.
DELETE FROM "user_role" a
WHERE NOT EXISTS (SELECT 1 FROM "user" u WHERE u."id" = a."user_id")
   OR NOT EXISTS (SELECT 1 FROM "role" r WHERE r."id" = a."role_id")
   OR EXISTS (SELECT 1 FROM "user_role" b WHERE b."user_id" = a."user_id" AND b."role_id" = a."role_id" AND b."id" < a."id");

-- AlterTable
ALTER TABLE "user_role" ALTER COLUMN "role_id" SET NOT NULL,
ALTER COLUMN "user_id" SET NOT NULL;

-- CreateTable
CREATE TABLE "identity" (
    "provider" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "user_id" UUID NOT NULL,
    "email" TEXT,
    "email_verified" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "identity_pkey" PRIMARY KEY ("provider","subject")
);

-- CreateTable
CREATE TABLE "session" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "user_id" UUID NOT NULL,
    "counter" INTEGER NOT NULL DEFAULT 0,
    "rotated_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "idle_expires_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "revoked_reason" TEXT,
    "user_agent" TEXT,
    "address" TEXT,

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "signing_key" (
    "kid" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "private_key" BYTEA NOT NULL,
    "state" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "active_at" TIMESTAMPTZ(3),
    "retiring_at" TIMESTAMPTZ(3),

    CONSTRAINT "signing_key_pkey" PRIMARY KEY ("kid")
);

-- CreateTable
CREATE TABLE "authorization_code" (
    "hash" BYTEA NOT NULL,
    "session_id" UUID NOT NULL,
    "code_challenge" TEXT,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "consumed_at" TIMESTAMPTZ(3),

    CONSTRAINT "authorization_code_pkey" PRIMARY KEY ("hash")
);

-- CreateTable
CREATE TABLE "oauth_state" (
    "hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "oauth_state_pkey" PRIMARY KEY ("hash")
);

-- CreateTable
CREATE TABLE "user_claim" (
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "value" JSONB NOT NULL,

    CONSTRAINT "user_claim_pkey" PRIMARY KEY ("user_id","name")
);

-- CreateIndex
CREATE INDEX "identity_user_id_idx" ON "identity"("user_id");

-- CreateIndex
CREATE INDEX "session_user_id_idx" ON "session"("user_id");

-- CreateIndex
CREATE INDEX "session_expires_at_idx" ON "session"("expires_at");

-- CreateIndex
CREATE INDEX "authorization_code_session_id_idx" ON "authorization_code"("session_id");

-- CreateIndex
CREATE INDEX "authorization_code_expires_at_idx" ON "authorization_code"("expires_at");

-- CreateIndex
CREATE INDEX "oauth_state_expires_at_idx" ON "oauth_state"("expires_at");

-- CreateIndex
CREATE INDEX "user_default_role_id_idx" ON "user"("default_role_id");

-- CreateIndex
CREATE INDEX "user_role_role_id_idx" ON "user_role"("role_id");

-- CreateIndex
CREATE UNIQUE INDEX "user_role_user_id_role_id_key" ON "user_role"("user_id", "role_id");

-- AddForeignKey
ALTER TABLE "user" ADD CONSTRAINT "user_default_role_id_fkey" FOREIGN KEY ("default_role_id") REFERENCES "role"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "user_role" ADD CONSTRAINT "user_role_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "user_role" ADD CONSTRAINT "user_role_role_id_fkey" FOREIGN KEY ("role_id") REFERENCES "role"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "identity" ADD CONSTRAINT "identity_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "authorization_code" ADD CONSTRAINT "authorization_code_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "session"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "user_claim" ADD CONSTRAINT "user_claim_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- What makes two usernames the same: NFKC, then lower case. Every writer and every look-up goes through it.
-- A database in the C locale folds ASCII only, so there the function names a collation that knows every letter.
DO $$
DECLARE
    clause text := '';
BEGIN
    IF lower('É') <> 'é' THEN
        SELECT format(' COLLATE pg_catalog.%I', c.collname) INTO clause
        FROM pg_collation c
        WHERE c.collnamespace = 'pg_catalog'::regnamespace
          AND c.collname IN ('pg_c_utf8', 'C.UTF-8', 'C.utf8', 'en_US.utf8', 'und-x-icu')
          AND c.collencoding IN (-1, pg_char_to_encoding('UTF8'))
        ORDER BY array_position(ARRAY['pg_c_utf8', 'C.UTF-8', 'C.utf8', 'en_US.utf8', 'und-x-icu']::name[], c.collname)
        LIMIT 1;
    END IF;
    EXECUTE format(
        'CREATE FUNCTION "username_key"(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS %L',
        format('SELECT lower(normalize($1, NFKC)%s)', coalesce(clause, '')));
END $$;

-- An index would only say that there are such users, not who they are.
DO $$
DECLARE
    twins text;
BEGIN
    SELECT string_agg('  ' || names, E'\n' ORDER BY names) INTO twins FROM (
        SELECT string_agg(to_json("username"::text)::text, ', ' ORDER BY "username") AS names
        FROM "user" GROUP BY username_key("username") HAVING count(*) > 1 LIMIT 20) AS found;
    IF twins IS NOT NULL THEN
        RAISE EXCEPTION E'Usernames are unique without regard to case. Rename these users first:\n%', twins;
    END IF;
END $$;

CREATE UNIQUE INDEX "user_username_key_unique" ON "user" (username_key("username"));

-- An address that was proven to be somebody's belongs to one user.
CREATE UNIQUE INDEX "user_verified_email_unique" ON "user" (lower("email")) WHERE "email_verified";

CREATE FUNCTION "set_user_updated_at"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW."updated_at" := CURRENT_TIMESTAMP;
    RETURN NEW;
END $$;

CREATE TRIGGER "user_updated_at" BEFORE UPDATE ON "user"
FOR EACH ROW EXECUTE FUNCTION "set_user_updated_at"();

-- Exactly one key signs, whoever writes the table.
CREATE UNIQUE INDEX "signing_key_one_active" ON "signing_key" ("state") WHERE "state" = 'active';
ALTER TABLE "signing_key" ADD CONSTRAINT "signing_key_state" CHECK ("state" IN ('next', 'active', 'retiring'));

-- Tell the writer at once what the gateway would otherwise have to leave out of a token.
ALTER TABLE "user_claim" ADD CONSTRAINT "user_claim_name" CHECK (
    "name" ~ '^[a-z0-9][a-z0-9_-]{0,99}$'
    AND "name" NOT IN ('user-id', 'role', 'allowed-roles', 'default-role'));
