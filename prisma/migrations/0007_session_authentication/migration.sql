-- The authentication of a session. The previous version of the gateway inserts sessions without these columns.
ALTER TABLE "session" ADD COLUMN     "amr" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "auth_time" TIMESTAMPTZ(3),
ADD COLUMN     "level" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "provider" TEXT;

-- A default of the column itself would make every existing session a fresh one.
ALTER TABLE "session" ALTER COLUMN "auth_time" SET DEFAULT CURRENT_TIMESTAMP;

-- Ended sessions keep null. Their number has no bound, and the table is locked until the transaction ends.
UPDATE "session" SET "auth_time" = "created_at"
WHERE "revoked_at" IS NULL AND "idle_expires_at" > CURRENT_TIMESTAMP AND "expires_at" > CURRENT_TIMESTAMP;
