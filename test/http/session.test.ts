import test from 'ava'
import { engines, type SessionBody, startApp, type TestApp } from '../_app.ts'

for (const engine of engines) {
  let app: TestApp
  test.before(`${engine}: start`, async () => {
    app = await startApp({ engine })
  })
  test.after.always(`${engine}: stop`, () => app?.close())

  test(`${engine}: POST /signup answers the session of a new user, as the seed's README shows it`, async (t) => {
    const { status, body, headers } = await app.post<SessionBody>('/signup', {
      username: 'test123',
      password: 'test123',
      confirmPassword: 'test123',
    })
    t.is(status, 200)
    t.is(body.username, 'test123')
    t.deepEqual(body.roles, ['user'])
    t.is(body.tokenType, 'Bearer')
    t.is(body.expiresIn, 900)
    t.is(body.refreshExpiresIn, 14 * 86_400)
    t.is(headers.get('cache-control'), 'no-store')
    const again = await app.login('test123', 'test123')
    t.is(again.status, 200)
    t.is(again.body.id, body.id)
  })
}
