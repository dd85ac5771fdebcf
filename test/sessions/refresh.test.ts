import { enginesOfRun, type SessionBody, startApp, type TestApp } from '../_app.ts'
import test from '../_test.ts'

const refresh = (app: TestApp, refreshToken: string) => app.post<SessionBody>('/token', { refreshToken })

async function isAlive(app: TestApp, { token }: SessionBody): Promise<boolean> {
  return (await app.as({ token }).get('/user')).status === 200
}

for (const engine of enginesOfRun) {
  let app: TestApp
  test.before(`${engine}: start`, async () => {
    app = await startApp({ engine, env: { AUTH_REFRESH_GRACE: '30' } })
  })
  test.after.always(`${engine}: stop`, () => app?.close())

  test.serial(
    `${engine}: the token before the current one gives the same successor within the grace`,
    async (t) => {
      const first = await app.signup('grace')
      const [a, b] = [await refresh(app, first.refreshToken), await refresh(app, first.refreshToken)]
      t.is(a.status, 200)
      t.is(b.status, 200)
      t.is(a.body.refreshToken, b.body.refreshToken)
      t.not(a.body.refreshToken, first.refreshToken)
      t.is((await refresh(app, b.body.refreshToken)).status, 200)
    },
  )

  test.serial(`${engine}: twenty refreshes of one token at once converge on one living token`, async (t) => {
    const first = await app.signup('tabs')
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(app, first.refreshToken)))
    t.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
    const successors = new Set(answers.map(({ body }) => body.refreshToken))
    t.is(successors.size, 1)
    t.is((await refresh(app, [...successors][0] as string)).status, 200)
  })

  test.serial(
    `${engine}: a token that is used again twice after the grace ends its session, and is logged once`,
    async (t) => {
      const first = await app.signup('stolen')
      const second = (await refresh(app, first.refreshToken)).body
      app.clock.advance(31)
      t.is((await refresh(app, first.refreshToken)).body.refreshToken, second.refreshToken)
      const reused = await refresh(app, first.refreshToken)
      t.is(reused.status, 401)
      t.regex(reused.text, /"code":"invalid_token"/)
      t.is((await refresh(app, second.refreshToken)).status, 401)
      t.false(await isAlive(app, second))
      t.is((await refresh(app, first.refreshToken)).status, 401)
      const events = app.logs.filter(({ event, userId }) => event === 'refresh.reuse' && userId === first.id)
      t.is(events.length, 1)
      const [row] = await app.sql<{ reason: string }>(
        'SELECT revoked_reason AS reason FROM session WHERE user_id = $1',
        [first.id],
      )
      t.is(row?.reason, 'reuse')
    },
  )

  test.serial(
    `${engine}: an older token than the previous one ends the session even within the grace`,
    async (t) => {
      const first = await app.signup('older')
      const second = (await refresh(app, first.refreshToken)).body
      const third = (await refresh(app, second.refreshToken)).body
      t.is((await refresh(app, first.refreshToken)).status, 401)
      t.is((await refresh(app, third.refreshToken)).status, 401)
    },
  )

  test.serial(
    `${engine}: a token from the future of a restored backup is refused and ends nothing`,
    async (t) => {
      const first = await app.signup('backup')
      const second = (await refresh(app, first.refreshToken)).body
      await app.sql('UPDATE session SET counter = 0, rotated_at = NULL WHERE user_id = $1', [first.id])
      t.is((await refresh(app, second.refreshToken)).status, 401)
      t.is((await refresh(app, first.refreshToken)).status, 200)
    },
  )

  test.serial(`${engine}: roles, claims and active are read anew at every refresh`, async (t) => {
    const first = await app.signup('fresh')
    await app.sql(`INSERT INTO role (name) VALUES ('editor') ON CONFLICT DO NOTHING`)
    await app.sql(`INSERT INTO user_role (user_id, role_id) SELECT $1, id FROM role WHERE name = 'editor'`, [
      first.id,
    ])
    const second = (await refresh(app, first.refreshToken)).body
    t.deepEqual(second.roles, ['editor', 'user'])
    await app.sql('UPDATE "user" SET active = false WHERE id = $1', [first.id])
    t.is((await refresh(app, second.refreshToken)).status, 401)
  })

  test.serial(`${engine}: an access token never outlives its session`, async (t) => {
    const first = await app.signup('short')
    await app.sql(`UPDATE session SET expires_at = $2 WHERE user_id = $1`, [
      first.id,
      new Date(app.clock.now.getTime() + 100_000),
    ])
    const second = (await refresh(app, first.refreshToken)).body
    t.is(second.expiresIn, 100)
    t.is(second.refreshExpiresIn, 100)
  })

  test.serial(
    `${engine}: deactivating a user or changing the hash by SQL ends the sessions in that transaction`,
    async (t) => {
      const off = await app.signup('deactivated-by-sql')
      await app.sql('UPDATE "user" SET active = false WHERE id = $1', [off.id])
      await app.sql('UPDATE "user" SET active = true WHERE id = $1', [off.id])
      t.false(await isAlive(app, off))
      const changed = await app.signup('rehashed-by-sql')
      await app.sql(`UPDATE "user" SET password = 'x' WHERE id = $1`, [changed.id])
      t.false(await isAlive(app, changed))
      const untouched = await app.signup('renamed-by-sql')
      await app.sql(`UPDATE "user" SET email = 'a@example.com' WHERE id = $1`, [untouched.id])
      t.true(await isAlive(app, untouched))
      await app.sql('DELETE FROM "user" WHERE id = $1', [untouched.id])
      t.false(await isAlive(app, untouched))
    },
  )
}
