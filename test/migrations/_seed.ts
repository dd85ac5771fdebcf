// The passwords, hashed with bcrypt's cost 10 by the two libraries that the seed used over time.
const hashes = {
  'correct horse': '$2b$10$KH0aa2eFYPnS.c1qmG049O2xYg.T.fMNHyN8TBz/7PoJUYY14CU2i',
  pässwörd: '$2a$10$HoS07iwZoHBL.2y2V865IeVkERpiqKaqKDA5Eg75HU768tKbDDzDO',
}

export const [anna, björn, carol, dora] = [
  { id: '11111111-1111-4111-8111-111111111111', username: 'anna', password: 'correct horse' },
  { id: '22222222-2222-4222-8222-222222222222', username: 'Björn Ångström', password: 'pässwörd' },
  { id: '33333333-3333-4333-8333-333333333333', username: 'carol@example.com', password: 'correct horse' },
  { id: '44444444-4444-4444-8444-444444444444', username: 'dora', password: 'correct horse' },
] as const

export const [editor, translator] = [
  { id: 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', name: 'editor' },
  { id: 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', name: 'Translator FR' },
] as const

/** The statements of the three Knex migrations of platyplus/authentication-server. */
export const seedTables = `
create table "user" ("id" uuid default gen_random_uuid(), "username" varchar(255) not null,
  "password" varchar(255) not null, "created_at" timestamptz default CURRENT_TIMESTAMP, "active" boolean default true);
alter table "user" add constraint "user_pkey" primary key ("id");
alter table "user" add constraint "user_id_unique" unique ("id");
alter table "user" add constraint "user_username_unique" unique ("username");
create table "role" ("id" uuid default gen_random_uuid(), "name" varchar(255) not null);
alter table "role" add constraint "role_pkey" primary key ("id");
alter table "role" add constraint "role_id_unique" unique ("id");
alter table "role" add constraint "role_name_unique" unique ("name");
create table "user_role" ("id" uuid default gen_random_uuid(), "role_id" uuid, "user_id" uuid);
alter table "user_role" add constraint "user_role_pkey" primary key ("id");
alter table "user_role" add constraint "user_role_id_unique" unique ("id");
alter table "user_role" add constraint "user_role_role_id_foreign" foreign key ("role_id") references "role" ("id");
alter table "user_role" add constraint "user_role_user_id_foreign" foreign key ("user_id") references "user" ("id");
create table "knex_migrations" ("id" serial primary key, "name" varchar(255), "batch" integer,
  "migration_time" timestamptz);
create table "knex_migrations_lock" ("index" serial primary key, "is_locked" integer);
insert into "knex_migrations" ("name", "batch", "migration_time")
  values ('20190127161008_user.js', 1, now()), ('20190127161009_role.js', 1, now()), ('20190127161010_user_role.js', 1, now());
insert into "knex_migrations_lock" ("is_locked") values (0);`

/** The first version of the seed also required a password of every role. Run it after `seedRows`. */
export const rolePassword = `
alter table "role" add column "password" varchar(255) not null default 'unused';
alter table "role" alter column "password" drop default;`

/**
 * anna may edit and translate, björn edit. carol was deactivated. dora's `active` is null, which the seed read as
 * false.
 */
export const seedRows = `
insert into "user" ("id", "username", "password", "created_at", "active") values
  ('${anna.id}', '${anna.username}', '${hashes[anna.password]}', '2019-02-01 10:00:00.123456+01', true),
  ('${björn.id}', '${björn.username}', '${hashes[björn.password]}', '2019-02-02 10:00:00+01', true),
  ('${carol.id}', '${carol.username}', '${hashes[carol.password]}', '2019-02-03 10:00:00+01', false),
  ('${dora.id}', '${dora.username}', '${hashes[dora.password]}', null, null);
insert into "role" ("id", "name") values ('${editor.id}', '${editor.name}'), ('${translator.id}', '${translator.name}');
insert into "user_role" ("id", "user_id", "role_id") values
  ('00000000-0000-4000-8000-000000000001', '${anna.id}', '${editor.id}'),
  ('00000000-0000-4000-8000-000000000002', '${anna.id}', '${translator.id}'),
  ('00000000-0000-4000-8000-000000000003', '${björn.id}', '${editor.id}'),
  ('00000000-0000-4000-8000-000000000004', '${carol.id}', '${editor.id}');`
