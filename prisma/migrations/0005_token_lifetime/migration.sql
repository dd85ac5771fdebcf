-- How long the longest token that a key has signed may live, in seconds. Of keys that signed before, the longest that
-- could be set.
ALTER TABLE "signing_key" ADD COLUMN     "token_lifetime" INTEGER NOT NULL DEFAULT 86400;
