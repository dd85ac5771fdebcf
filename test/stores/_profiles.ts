/**
 * The statements that make a table of the owner's, and triggers that write into it. It accepts one row whose name begins
 * with `profile`; the next such user, role or subject is a duplicate there.
 */
export const profiles = [
  'CREATE TABLE profile (kind text NOT NULL CONSTRAINT profile_kind_key UNIQUE)',
  `CREATE FUNCTION make_profile() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO profile (kind) VALUES ('first');
    RETURN NEW;
  END $$`,
  ...[
    ['"user"', 'username'],
    ['role', 'name'],
    ['identity', 'subject'],
  ].map(
    ([table, name]) => `CREATE TRIGGER make_profile AFTER INSERT ON ${table}
    FOR EACH ROW WHEN (NEW.${name} LIKE 'profile%') EXECUTE FUNCTION make_profile()`,
  ),
]
