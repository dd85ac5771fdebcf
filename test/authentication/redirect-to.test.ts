import { once } from 'node:events'
import { get } from 'node:http'
import { createRedirectCheck } from '../../src/authentication/redirect-target.ts'
import test from '../_test.ts'
import { exchange, githubber, refused, type Stage, signIn, startStage } from './_sign-in.ts'

const origins = ['https://app.test', 'http://localhost:3000', 'myapp://']
const isAllowed = createRedirectCheck(origins)

let stage: Stage
test.serial.before('start', async () => {
  stage = await startStage({ env: { AUTH_REDIRECT_ORIGINS: origins.join(', ') } })
})
test.after.always('stop', () => stage?.stop())

const allowed = [
  'https://app.test',
  'https://app.test/',
  'https://app.test:443/',
  'https://app.test/a/b?c=d&e=%20f',
  'https://app.test/#/route',
  'https://app.test/?next=https://evil.test/',
  'http://localhost:3000/cb',
  'myapp://',
  'myapp://callback',
  'myapp:/callback',
]

const forbidden = [
  'https://app.test.evil.com/',
  'https://app.test.',
  'https://app.testevil.com/',
  'https://evil.com/https://app.test/',
  'https://evil.com/?https://app.test/',
  'https://evil.com#https://app.test',
  'https://sub.app.test/',
  'https://user@app.test/',
  'https://user:password@app.test/',
  'https://@app.test/',
  'https://app.test@evil.com/',
  'https://app.test:@evil.com/',
  'https://app.test%2f@evil.com/',
  'https://app.test\\@evil.com/',
  'https://evil.com\\app.test/',
  'https:\\\\app.test/',
  'https://app.test\\.evil.com/',
  'https:/app.test/',
  'https:app.test/',
  'https:///app.test/',
  'HTTPS://APP.TEST/',
  'http://app.test/',
  'https://app.test:444/',
  'https://app.test:80/',
  'https://localhost:3000/',
  'http://localhost/',
  'http://localhost:30000/',
  'http://127.0.0.1:3000/',
  'ws://app.test/',
  'blob:https://app.test/x',
  'view-source:https://app.test/',
  '//app.test/',
  '//evil.com/',
  '/\\evil.com/',
  '/welcome',
  'welcome',
  '?x',
  '#x',
  'javascript:alert(1)',
  'javascript://app.test/%0aalert(1)',
  'JavaScript:alert(1)',
  'java\tscript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:x',
  'file:///etc/passwd',
  'about:blank',
  ' https://app.test/',
  'https://app.test/ ',
  'https://app.test/a b',
  '\thttps://app.test/',
  'https://app.test/\n',
  'https://app.test/\r\nSet-Cookie: a=b',
  'https://app\t.test/',
  'https://app.test/\u0000',
  'https://app.test/\u001f',
  'https://app.test/\u007f',
  'https://app.test/\u0085',
  'https://app.test/\u00a0',
  'https://app.test/\u2028',
  '\ufeffhttps://app.test/',
  'https://app\u00ad.test/',
  'https://app\u200b.test/',
  'https://ａｐｐ.test/',
  'https://app。test/',
  'https://app%2etest/',
  'otherapp://callback',
  'myapp2://callback',
  'xmyapp://callback',
  'myapp://user@callback',
  'null',
  'undefined',
  '',
]

const show = (target: string) =>
  JSON.stringify(target).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

for (const target of allowed) {
  test(`redirect_to may be ${show(target)}`, (t) => {
    t.true(isAllowed(target))
  })
}

for (const target of forbidden) {
  test(`redirect_to may not be ${show(target)}`, async (t) => {
    t.false(isAllowed(target))
    const answer = await stage.app.get(`/auth/github?${new URLSearchParams({ redirect_to: target })}`)
    if (target.includes('\0')) refused(t, answer, 422, 'validation_failed')
    else refused(t, answer, 403, 'redirect_not_allowed')
    t.is(answer.headers.get('location'), null)
    t.deepEqual(answer.headers.getSetCookie(), [])
  })
}

const atPath = createRedirectCheck(['https://app.test/signed-in', 'https://app.test/a/b/'])
for (const [target, isTaken] of [
  ['https://app.test/signed-in', true],
  ['https://app.test/signed-in?code=mine&x', true],
  ['https://app.test/signed-in?', true],
  ['https://app.test/x/../signed-in', true],
  ['https://app.test/a/b/', true],
  ['https://app.test/a/b', false],
  ['https://app.test/signed-in/', false],
  ['https://app.test/Signed-in', false],
  ['https://app.test/signed%2din', false],
  ['https://app.test/signed-in/../open', false],
  ['https://app.test/signed-in#fragment', false],
  ['https://app.test/signed-in;x', false],
  ['https://app.test//signed-in', false],
  ['https://app.test/', false],
  ['https://app.test', false],
  ['https://evil.test/signed-in', false],
  ['http://app.test/signed-in', false],
  ['https://user@app.test/signed-in', false],
] as const) {
  test(`with a list of paths, redirect_to may ${isTaken ? '' : 'not '}be ${target}`, (t) => {
    t.is(atPath(target), isTaken)
  })
}

const atLoopback = createRedirectCheck(['http://127.0.0.1:*', 'http://[::1]:*/callback'])
for (const [target, isTaken] of [
  ['http://127.0.0.1:49152/any?x', true],
  ['http://127.0.0.1/', true],
  ['http://[::1]:49152/callback', true],
  ['http://[::1]:49152/other', false],
  ['https://127.0.0.1:49152/', false],
  ['http://127.0.0.2:49152/', false],
  ['http://127.1:49152/', false],
  ['http://2130706433:49152/', false],
  ['http://localhost:49152/', false],
  ['http://127.0.0.1.evil.test:49152/', false],
  ['http://127.0.0.1:49152@evil.test/', false],
  ['http://[0:0:0:0:0:0:0:1]:1/callback', false],
  ['http://127.0.0.1:*/', false],
] as const) {
  test(`with loopback addresses of any port, redirect_to may ${isTaken ? '' : 'not '}be ${target}`, (t) => {
    t.is(atLoopback(target), isTaken)
  })
}

test.serial('a sign-in ends at a listed path with a code, and is refused at another path', async (t) => {
  const here = await startStage({
    env: { AUTH_REDIRECT_ORIGINS: 'https://app.test/signed-in http://127.0.0.1:*' },
  })
  t.teardown(here.stop)
  for (const target of ['https://app.test/signed-in?x=1', 'http://127.0.0.1:49152/cb?x=1']) {
    const answer = await signIn(here, 'github', githubber(), { redirect_to: target })
    t.true(answer.headers.get('location')?.startsWith(`${target}&code=`))
  }
  const other = await here.app.get(`/auth/github?redirect_to=${encodeURIComponent('https://app.test/open')}`)
  refused(t, other, 403, 'redirect_not_allowed')
})

for (const [target, origin, detail] of [
  [
    'https://evil.test/x',
    'https://evil.test',
    'The origin https://evil.test is not in AUTH_REDIRECT_ORIGINS.',
  ],
  ['evil://x', 'evil://', 'The origin evil:// is not in AUTH_REDIRECT_ORIGINS.'],
  ['https://a"b<.test/', undefined, 'The redirect target is not an absolute URL.'],
  [
    'https://bücher.test/\u001b[31m',
    'https://xn--bcher-kva.test',
    'The origin https://xn--bcher-kva.test is not in AUTH_REDIRECT_ORIGINS.',
  ],
  [
    'https://user:pass@app.test/',
    'https://app.test',
    'AUTH_REDIRECT_ORIGINS lists the origin https://app.test, but not this address in this spelling.',
  ],
  [`https://${'a'.repeat(200)}.test/`, `https://${'a'.repeat(92)}…`, undefined],
] as const) {
  test.serial(`the refusal of ${show(target)} names its origin in the answer and in the log`, async (t) => {
    const answer = await stage.app.get(`/auth/github?${new URLSearchParams({ redirect_to: target })}`)
    refused(t, answer, 403, 'redirect_not_allowed')
    if (detail) t.is(answer.body.detail, detail)
    const event = stage.app.logs.findLast((line) => line.event === 'redirect.refused')
    t.like(event, { requestId: answer.body.requestId, code: 'redirect_not_allowed', origin })
  })
}

test('no origin is allowed unless it is listed', (t) => {
  const nothing = createRedirectCheck([])
  for (const target of [...allowed, ...forbidden]) t.false(nothing(target))
})

for (const [target, arrives] of [
  ['https://app.test', 'https://app.test/?code='],
  ['https://app.test/a?x=1&y=%20z&x=2#there', 'https://app.test/a?x=1&y=+z&x=2&code='],
  ['https://app.test/?code=mine&error=mine', 'https://app.test/?code='],
  ['myapp://callback?x=1', 'myapp://callback?x=1&code='],
] as const) {
  test(`a person who wants to go to ${target} arrives there with a code and the rest of the query`, async (t) => {
    const answer = await signIn(stage, 'github', githubber(), { redirect_to: target })
    t.is(answer.status, 302)
    const location = answer.headers.get('location') ?? ''
    t.true(location.startsWith(arrives), location)
    t.is(new URL(location).hash, new URL(target).hash)
    const code = new URL(location).searchParams.getAll('code')
    t.is(code.length, 1)
    t.is((await exchange(stage.app, code[0] ?? '')).status, 200)
  })
}

test('the state cookie of the longest redirect_to is one that browsers keep', async (t) => {
  const target = 'https://app.test/'.padEnd(1024, '"')
  const query = `redirect_to=${target}&code_challenge=${'x'.repeat(43)}&code_challenge_method=S256`
  // Not fetch, which would spend three bytes on each quotation mark.
  const [response] = await once(
    get(`${stage.app.url}/auth/github`, { path: `/auth/github?${query}` }),
    'response',
  )
  response.resume()
  t.is(response.statusCode, 302)
  const [cookie] = response.headers['set-cookie']
  t.true(cookie.length > 2000 && cookie.length <= 4096, `${cookie.length}`)
})

test('a redirect_to that is too long is refused before the sign-in starts', async (t) => {
  const target = `https://app.test/${'a'.repeat(1024)}`
  refused(t, await stage.app.get(`/auth/github?redirect_to=${target}`), 422, 'validation_failed')
  refused(t, await stage.app.get(`/auth/github?redirect_to=${target.repeat(2)}`), 414, 'query_too_long')
})
