import bcrypt from 'bcrypt'
import { appTest, quick } from '../_app.ts'
import test from '../_test.ts'

test(
  'a hash that is replaced by a stronger one at login ends no session',
  appTest({ engine: quick, env: { AUTH_BCRYPT_COST: '5' } }, async (t, app) => {
    const { id } = await app.signup('rehash')
    const hash = async () =>
      (await app.sql<{ hash: string }>('SELECT password AS hash FROM "user"'))[0]?.hash ?? ''
    await app.sql('UPDATE "user" SET password = $2 WHERE id = $1', [
      id,
      await bcrypt.hash('correct horse', 4),
    ])
    // The same password, but a session that started after the weak hash was written.
    await app.sql(`UPDATE session SET revoked_at = NULL WHERE user_id = $1`, [id])
    const [before] = await app.sql<{ living: number }>(
      'SELECT count(*)::int AS living FROM session WHERE revoked_at IS NULL',
    )
    const login = await app.login('rehash')
    t.is(login.status, 200)
    t.regex(await hash(), /^\$2b\$05\$/)
    const [after] = await app.sql<{ living: number }>(
      'SELECT count(*)::int AS living FROM session WHERE revoked_at IS NULL',
    )
    t.is(before?.living, 1)
    t.is(after?.living, 2)
  }),
)
