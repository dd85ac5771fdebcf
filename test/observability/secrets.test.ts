import { startApp } from '../_app.ts'
import { findSecrets, refuseSecrets, remember, rememberIn } from '../_secrets.ts'
import test from '../_test.ts'

test('the check of the tests finds a password, a token, a cookie, a code and a DSN in a log, also when JSON escapes it', (t) => {
  rememberIn({
    headers: { Authorization: 'Bearer aaaa.bbbb.cccc', cookie: 'flow=dddd-eeee-ffff; x=y' },
    body: { password: 'quote " and \\ in it', code: 'code-0123456789' },
    DATABASE_URL: 'postgres://me:dsn-0123456789@host/db',
  })
  for (const [log, found] of [
    ['{"msg":"aaaa.bbbb.cccc"}', 'aaaa.bbbb.cccc'],
    ['at dddd-eeee-ffff', 'dddd-eeee-ffff'],
    [JSON.stringify({ msg: 'quote " and \\ in it' }), 'quote \\" and \\\\ in it'],
    ['code-0123456789', 'code-0123456789'],
    ['postgres://me:dsn-0123456789@host/db', 'dsn-0123456789'],
  ] as const) {
    t.deepEqual(findSecrets(log), [found])
    t.throws(() => refuseSecrets(log), { message: /^A log has the secret/ })
  }
  t.deepEqual(findSecrets('{"event":"password.changed","route":"/user/password"}'), [])
})

test('a gateway that logs a secret of its test cannot be closed without an error', async (t) => {
  const app = await startApp()
  const { token } = await app.signup('careless', 'a password of mine')
  await app.gateway.close()
  t.notThrows(() => refuseSecrets(JSON.stringify(app.logs)))
  t.throws(() => refuseSecrets(JSON.stringify([...app.logs, { token }])))
  t.throws(() => refuseSecrets(JSON.stringify([...app.logs, { typed: 'a password of mine' }])))
  remember('password')
  t.notThrows(() => refuseSecrets('password'))
})
