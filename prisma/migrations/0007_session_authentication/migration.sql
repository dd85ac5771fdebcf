-- The authentication of a session. The previous version of the gateway inserts sessions without these columns.
ALTER TABLE "session" ADD COLUMN     "amr" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "auth_time" TIMESTAMPTZ(3),
ADD COLUMN     "level" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "provider" TEXT;

-- A default of the column itself would make every existing session a fresh one. These keep null, which counts as
-- created_at: an UPDATE of all of them would lock the table for a minute per million rows.
ALTER TABLE "session" ALTER COLUMN "auth_time" SET DEFAULT CURRENT_TIMESTAMP;
