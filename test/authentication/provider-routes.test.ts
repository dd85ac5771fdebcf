import { type Answer, quick, startApp, type TestApp } from '../_app.ts'
import { type FakeProvider, startFakeProvider } from '../_fake-provider.ts'
import test from '../_test.ts'
import { environmentOf, refused } from './_sign-in.ts'

let fake: FakeProvider
let app: TestApp
let bare: TestApp
test.serial.before('start', async () => {
  fake = await startFakeProvider()
  const { AUTH_GOOGLE_CLIENT_ID, AUTH_GOOGLE_CLIENT_SECRET, ...env } = environmentOf(fake)
  app = await startApp({ engine: quick, env })
  bare = await startApp({ engine: quick })
  await app.signup('alice', 'correct horse')
})
test.after.always('stop', async () => {
  await app?.close()
  await bare?.close()
  await fake?.stop()
})

const names = [
  'local',
  'google',
  'gitlab',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '..%2fgithub',
  '%00',
  'github%20',
  'session',
]

for (const name of names) {
  for (const path of [`/auth/${name}`, `/auth/${name}/callback`]) {
    test(`GET ${path} is not found, and no strategy runs`, async (t) => {
      for (const query of ['', '?username=alice&password=correct%20horse', '?code=x&state=y']) {
        const answer = await app.get(path + query)
        refused(t, answer, 404, 'not_found')
        t.deepEqual(answer.headers.getSetCookie(), [])
        t.notRegex(answer.text, /token/)
      }
      t.is(fake.requests.length, 0)
    })
  }
}

for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
  test(`${method} /auth/local does not log a user in`, async (t) => {
    const answer: Answer = await app.call(method, '/auth/local', {
      body: { username: 'alice', password: 'correct horse' },
    })
    refused(t, answer, 404, 'not_found')
  })
}

test('without any client id there is no provider route at all', async (t) => {
  for (const name of ['github', 'google']) {
    refused(t, await bare.get(`/auth/${name}`), 404, 'not_found')
    refused(t, await bare.get(`/auth/${name}/callback?code=x&state=y`), 404, 'not_found')
  }
})

test('GET /providers lists local and the configured providers with URLs made from the public URL', async (t) => {
  const { body } = await app.get<unknown[]>('/providers')
  t.deepEqual(body, [
    { name: 'local', label: 'Username and password', flow: 'password', url: 'https://gateway.test/login' },
    { name: 'github', label: 'GitHub', flow: 'redirect', url: 'https://gateway.test/auth/github' },
  ])
  const { body: withoutAny } = await bare.get<{ name: string }[]>('/providers')
  t.deepEqual(
    withoutAny.map(({ name }) => name),
    ['local'],
  )
})
