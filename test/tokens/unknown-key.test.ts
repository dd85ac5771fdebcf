import { decodeProtectedHeader } from 'jose'
import { createMigratedDatabase, engines, startApp } from '../_app.ts'
import test from '../_test.ts'

// PostgreSQL only: the embedded database has one process.
const run = engines.includes('server') ? test : null

run?.('a gateway accepts a token of a key that another gateway has just begun to sign with', async (t) => {
  const databaseUrl = await createMigratedDatabase()
  const env = { AUTH_SESSION_LIFETIME: '31536000', AUTH_SESSION_IDLE_LIFETIME: '31536000' }
  const apps = [await startApp({ databaseUrl, env }), await startApp({ databaseUrl, env })] as const
  t.teardown(() => Promise.all(apps.map((app) => app.close())))
  const [one, other] = apps
  const { token: earlier } = await one.signup('anna')
  t.is((await other.get('/user', { Authorization: `Bearer ${earlier}` })).status, 200)
  // A key is published for two max-ages before it signs.
  for (const seconds of [90 * 86_400, 600]) {
    for (const app of apps) app.clock.advance(seconds)
    await one.gateway.keys.update(one.clock.now)
  }
  const { token } = (await one.login('anna')).body
  t.not(decodeProtectedHeader(token).kid, decodeProtectedHeader(earlier).kid)
  const headers = { Authorization: `Bearer ${token}` }
  const answers = await Promise.all(['/user', '/webhook', '/user'].map((path) => other.get(path, headers)))
  t.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  )
})
