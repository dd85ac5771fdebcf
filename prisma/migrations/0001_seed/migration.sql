-- The three tables of platyplus/authentication-server, as its Knex migrations made them.
-- A database that has them already is adopted: this step finds nothing to do there.

CREATE TABLE IF NOT EXISTS "user" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    "username" VARCHAR(255) NOT NULL UNIQUE,
    "password" VARCHAR(255) NOT NULL,
    "created_at" TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    "active" BOOLEAN DEFAULT true
);

CREATE TABLE IF NOT EXISTS "role" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    "name" VARCHAR(255) NOT NULL UNIQUE
);

CREATE TABLE IF NOT EXISTS "user_role" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    "role_id" UUID REFERENCES "role" ("id"),
    "user_id" UUID REFERENCES "user" ("id")
);
