-- The unrevoked sessions of a user by age. No refresh changes these columns, so a refresh stays a HOT update. In a
-- migration of its own, because the table can be read while the index is built, and not while a column is added.
CREATE INDEX "session_unrevoked_idx" ON "session" ("user_id", "epoch", "created_at") WHERE "revoked_at" IS NULL;
