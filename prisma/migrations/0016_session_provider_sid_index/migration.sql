-- The sessions that a logout of a provider names. Most sessions have no such id, and no refresh changes these columns. In
-- a migration of its own, because the table can be read while the index is built, and not while a column is added.
CREATE INDEX "session_provider_sid_idx" ON "session" ("provider_sid", "provider") WHERE "provider_sid" IS NOT NULL;
