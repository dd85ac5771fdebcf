import { appTest, startApp } from '../_app.ts'
import { type FakeProvider, startFakeProvider } from '../_fake-provider.ts'
import { remember } from '../_secrets.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { startProxy } from './_proxy.ts'
import { environmentOf, githubber, home, sentHome, signIn } from './_sign-in.ts'

/** Returns the variables of the fake provider. The gateway reaches it under a name that only the proxy can resolve. */
function renamed(fake: FakeProvider, url: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environmentOf(fake)).map(([name, value]) => [
      name,
      name.endsWith('_AUTHORIZATION_URL') ? value : value.replaceAll(fake.url, url),
    ]),
  )
}

async function start(
  t: ExecutionContext,
  url: string,
  env: (proxy: string) => Record<string, string>,
  isSilent = false,
) {
  const fake = await startFakeProvider()
  t.teardown(() => fake.stop())
  const proxy = await startProxy(Number(new URL(fake.url).port), { isSilent })
  t.teardown(proxy.stop)
  const app = await startApp({ env: { ...renamed(fake, url), ...env(`127.0.0.1:${proxy.port}`) } })
  t.teardown(app.close)
  /** Signs a user in, whose browser needs no proxy. Returns the query with which the browser comes home. */
  const finish = async () =>
    sentHome(t, await signIn({ app, fake }, 'github', githubber(), { redirect_to: home }))
  return { app, fake, proxy, finish }
}

remember('the-password-of-the-proxy')

test('requests to a provider go through HTTP_PROXY, with its password, which the log never has', async (t) => {
  const { proxy, finish, app } = await start(t, 'http://provider.test', (host) => ({
    HTTP_PROXY: `http://somebody:the-password-of-the-proxy@${host}`,
  }))
  t.truthy((await finish()).get('code'))
  const authorization = `Basic ${Buffer.from('somebody:the-password-of-the-proxy').toString('base64')}`
  t.deepEqual(proxy.requests.slice(0, 2), [
    { method: 'POST', target: 'http://provider.test/login/oauth/access_token', authorization },
    { method: 'GET', target: 'http://provider.test/user', authorization },
  ])
  t.notRegex(JSON.stringify(app.logs), /the-password-of-the-proxy|somebody/)
})

test('a name in lower case takes precedence, and a proxy needs no scheme', async (t) => {
  const { proxy, finish } = await start(t, 'http://provider.test', (host) => ({
    HTTP_PROXY: 'http://127.0.0.1:1',
    http_proxy: host,
  }))
  t.truthy((await finish()).get('code'))
  t.true(proxy.requests.length >= 2)
})

test('an https: request passes the proxy in a tunnel, and the certificate is still checked', async (t) => {
  const { proxy, finish, app } = await start(t, 'https://provider.test', (host) => ({ HTTPS_PROXY: host }))
  // The server of the tunnel speaks no TLS.
  t.is((await finish()).get('error'), 'provider_unavailable')
  t.deepEqual(proxy.requests, [{ method: 'CONNECT', target: 'provider.test:443', authorization: undefined }])
  t.true(app.logs.some(({ event, code }) => event === 'provider.failed' && code === 'provider_unavailable'))
})

test('hosts of NO_PROXY and this machine are reached without the proxy', async (t) => {
  const proxies = (host: string) => ({ HTTP_PROXY: host, HTTPS_PROXY: host })
  const listed = await start(t, 'http://login.provider.test', (host) => ({
    ...proxies(host),
    NO_PROXY: 'other.test, .provider.test',
  }))
  // The name does not exist without the proxy.
  t.is((await listed.finish()).get('error'), 'provider_unavailable')
  t.deepEqual(listed.proxy.requests, [])
  const all = await start(t, 'http://provider.test', (host) => ({ ...proxies(host), NO_PROXY: '*' }))
  t.is((await all.finish()).get('error'), 'provider_unavailable')
  t.deepEqual(all.proxy.requests, [])
  const fake = await startFakeProvider()
  t.teardown(() => fake.stop())
  const local = await start(t, 'http://provider.test', (host) => ({
    ...proxies(host),
    ...environmentOf(fake),
  }))
  t.deepEqual(local.proxy.requests, [])
})

test('a proxy that refuses connections, and one that does not answer, fail as the provider would', async (t) => {
  const dead = await start(t, 'https://provider.test', () => ({ HTTPS_PROXY: 'http://127.0.0.1:1' }))
  t.is((await dead.finish()).get('error'), 'provider_unavailable')
  const silent = { AUTH_PROVIDER_TIMEOUT: '1' }
  for (const url of ['http://provider.test', 'https://provider.test']) {
    const { finish, proxy } = await start(t, url, (host) => ({ HTTP_PROXY: host, ...silent }), true)
    t.is((await finish()).get('error'), 'provider_timeout', url)
    t.is(proxy.requests.length, 1)
  }
})

test('an answer through the proxy is limited as without it', async (t) => {
  const { fake, finish } = await start(t, 'http://provider.test', (host) => ({ HTTP_PROXY: host }))
  for (const fault of ['huge', 'gzip-bomb', 'status:302', 'garbage'] as const) {
    fake.fault('github', 'profile', fault)
    t.is((await finish()).get('error'), 'provider_error', fault)
  }
})

test(
  'the breach check uses the proxy, too',
  appTest(
    {
      env: {
        AUTH_PASSWORD_POLICY: 'strict',
        AUTH_PASSWORD_BREACH_URL: 'http://breaches.test/range/',
        HTTP_PROXY: '127.0.0.1:1',
      },
    },
    async (t, app) => {
      await app.signup('anna', 'a long enough password')
      const said = app.logs.find(({ msg }) => String(msg).startsWith('breach check failed'))
      t.regex(JSON.stringify(said), /ECONNREFUSED/)
    },
  ),
)
