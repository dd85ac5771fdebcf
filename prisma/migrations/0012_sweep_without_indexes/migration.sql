-- The sweep reads the pages of each table in their order, so no statement uses these indexes any more. Each new session,
-- one-time code and state wrote to one, and a counter could not begin a window with a HOT update.
DROP INDEX IF EXISTS "session_expires_at_idx";
DROP INDEX IF EXISTS "authorization_code_expires_at_idx";
DROP INDEX IF EXISTS "oauth_state_expires_at_idx";
DROP INDEX IF EXISTS "rate_limit_expire_idx";
