import { createHash, randomBytes } from 'node:crypto'
import { createRefreshTokens } from '../../src/tokens/refresh-token.ts'
import { deriveKey } from '../../src/tokens/secrets.ts'
import test, { type ExecutionContext } from '../_test.ts'
import {
  anybody,
  exchange,
  githubber,
  home,
  providerNames,
  refused,
  type Stage,
  signInForCode,
  startStage,
} from './_sign-in.ts'

let stage: Stage
test.serial.before('start', async () => {
  stage = await startStage()
})
test.after.always('stop', () => stage?.stop())

function newPair() {
  const verifier = randomBytes(32).toString('base64url')
  const code_challenge = createHash('sha256').update(verifier).digest('base64url')
  return { verifier, query: { code_challenge, code_challenge_method: 'S256' } }
}

/** Asserts that a code is rejected, and that a correct exchange afterwards fails too. */
async function spends(
  t: ExecutionContext,
  code: string,
  wrong: string | undefined,
  right: string | undefined,
): Promise<void> {
  refused(t, await exchange(stage.app, code, wrong), 401, 'invalid_code')
  refused(t, await exchange(stage.app, code, right), 401, 'invalid_code')
}

for (const provider of providerNames) {
  test.serial(
    `POST /token/exchange takes a code from ${provider} with the verifier of its challenge, once`,
    async (t) => {
      const { verifier, query } = newPair()
      const code = await signInForCode(t, stage, provider, anybody[provider](), query)
      t.is((await exchange(stage.app, code, verifier)).status, 200)
      refused(t, await exchange(stage.app, code, verifier), 401, 'invalid_code')
    },
  )
}

const isAlive = async (token: string) => (await stage.app.as({ token }).get('/user')).status === 200
const reuses = () => stage.app.logs.filter(({ event }) => event === 'exchange.reuse')

test.serial(
  'a code that is exchanged again within ten seconds is refused, and its session stays',
  async (t) => {
    const { verifier, query } = newPair()
    const code = await signInForCode(t, stage, 'github', githubber(), query)
    const { body } = await exchange(stage.app, code, verifier)
    stage.app.clock.advance(10)
    refused(t, await exchange(stage.app, code, verifier), 401, 'invalid_code')
    t.true(await isAlive(body.token))
    t.deepEqual(reuses(), [])
  },
)

test.serial('a code that is exchanged again after ten seconds ends the session that it began', async (t) => {
  for (const { verifier, query } of [newPair(), { verifier: undefined, query: {} }]) {
    const code = await signInForCode(t, stage, 'github', githubber(), query)
    const { body } = await exchange(stage.app, code, verifier)
    const before = reuses().length
    stage.app.clock.advance(11)
    refused(t, await exchange(stage.app, code, verifier), 401, 'invalid_code')
    t.false(await isAlive(body.token))
    refused(t, await stage.app.post('/token', { refreshToken: body.refreshToken }), 401, 'invalid_token')
    refused(t, await exchange(stage.app, code, verifier), 401, 'invalid_code')
    const events = reuses().slice(before)
    t.deepEqual(
      events.map(({ level, userId, code }) => ({ level, userId, code })),
      [{ level: 40, userId: body.id, code: 'invalid_code' }],
    )
    const text = 'SELECT revoked_reason AS reason FROM session WHERE id = $1'
    t.deepEqual(await stage.app.sql(text, [events[0]?.sessionId]), [{ reason: 'code_reuse' }])
  }
})

test.serial('a late exchange without the verifier, or of an expired code, ends no session', async (t) => {
  const { verifier, query } = newPair()
  const code = await signInForCode(t, stage, 'github', githubber(), query)
  const { body } = await exchange(stage.app, code, verifier)
  stage.app.clock.advance(30)
  for (const wrong of [undefined, newPair().verifier])
    refused(t, await exchange(stage.app, code, wrong), 401, 'invalid_code')
  stage.app.clock.advance(30)
  refused(t, await exchange(stage.app, code, verifier), 401, 'invalid_code')
  t.true(await isAlive(body.token))
})

test.serial('POST /token/exchange refuses a wrong verifier, and the code is spent', async (t) => {
  const { verifier, query } = newPair()
  const code = await signInForCode(t, stage, 'github', githubber(), query)
  await spends(t, code, newPair().verifier, verifier)
})

test.serial(
  'POST /token/exchange refuses a challenge in place of its verifier, and the code is spent',
  async (t) => {
    const { verifier, query } = newPair()
    const code = await signInForCode(t, stage, 'github', githubber(), query)
    await spends(t, code, query.code_challenge, verifier)
  },
)

test.serial('POST /token/exchange refuses a missing verifier, and the code is spent', async (t) => {
  const { verifier, query } = newPair()
  const code = await signInForCode(t, stage, 'github', githubber(), query)
  await spends(t, code, undefined, verifier)
})

test.serial('POST /token/exchange refuses a superfluous verifier, and the code is spent', async (t) => {
  const code = await signInForCode(t, stage, 'github', githubber())
  await spends(t, code, newPair().verifier, undefined)
})

test.serial('POST /token/exchange refuses the verifier of the sign-in at the provider', async (t) => {
  const code = await signInForCode(t, stage, 'github', githubber(), newPair().query)
  const body = new URLSearchParams(stage.fake.requests.findLast(({ endpoint }) => endpoint === 'token')?.body)
  refused(t, await exchange(stage.app, code, body.get('code_verifier') ?? ''), 401, 'invalid_code')
})

test.serial('POST /token/exchange says which verifiers are none at all, and the code remains', async (t) => {
  const code = await signInForCode(t, stage, 'github', githubber())
  for (const verifier of ['', 'short', 'x'.repeat(42), 'x'.repeat(129), `${'x'.repeat(43)}+`]) {
    const answer = await exchange(stage.app, code, verifier)
    refused(t, answer, 422, 'validation_failed')
    t.like(answer.body, { errors: [{ field: 'codeVerifier' }] })
  }
  t.is((await exchange(stage.app, code)).status, 200)
})

test.serial('POST /token/exchange refuses what is not a code', async (t) => {
  const code = await signInForCode(t, stage, 'github', githubber())
  for (const other of ['', 'x', code.toLowerCase(), `${code}=`, ` ${code}`, code.slice(1)]) {
    refused(t, await exchange(stage.app, other), 401, 'invalid_code')
  }
  t.is((await exchange(stage.app, code)).status, 200)
})

for (const [query, field] of [
  [{ redirect_to: home, code_challenge: 'x'.repeat(43) }, 'code_challenge_method'],
  [{ redirect_to: home, code_challenge_method: 'S256' }, 'code_challenge_method'],
  [
    { redirect_to: home, code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' },
    'code_challenge_method',
  ],
  [{ redirect_to: home, code_challenge: 'short', code_challenge_method: 'S256' }, 'code_challenge'],
  [{ code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' }, 'code_challenge'],
] as const) {
  const asked = Object.entries(query).map(([name, value]) => `${name}=${value.slice(0, 8)}`)
  test.serial(`GET /auth/github refuses ${asked.join('&')}`, async (t) => {
    const answer = await stage.app.get(`/auth/github?${new URLSearchParams(query)}`)
    refused(t, answer, 422, 'validation_failed')
    t.like(answer.body, { errors: [{ field }] })
    t.deepEqual(answer.headers.getSetCookie(), [])
  })
}

test.serial('POST /token/exchange takes a code for 60 seconds', async (t) => {
  const inTime = await signInForCode(t, stage, 'github', githubber())
  const late = await signInForCode(t, stage, 'github', githubber())
  stage.app.clock.advance(59)
  t.is((await exchange(stage.app, inTime)).status, 200)
  stage.app.clock.advance(1)
  refused(t, await exchange(stage.app, late), 401, 'invalid_code')
})

test.serial('a session whose code is not exchanged ends with the code, one that is lives on', async (t) => {
  const keys = createRefreshTokens([
    deriveKey(stage.app.config.secret ?? t.fail('no secret'), 'refresh-token'),
  ])
  const exchanged = githubber()
  const forgotten = githubber()
  const code = await signInForCode(t, stage, 'github', exchanged)
  await signInForCode(t, stage, 'github', forgotten)
  t.is((await exchange(stage.app, code)).status, 200)
  stage.app.clock.advance(60)
  const refresh = async (login: string) => {
    const [session] = await stage.app.sql<{ id: string }>(
      `SELECT s.id FROM session s JOIN "user" u ON u.id = s.user_id WHERE u.username = $1`,
      [login],
    )
    return stage.app.post('/token', { refreshToken: keys.sign({ sessionId: session?.id ?? '', counter: 0 }) })
  }
  refused(t, await refresh(forgotten.user.login), 401, 'invalid_token')
  t.is((await refresh(exchanged.user.login)).status, 200)
})

test.serial('POST /token/exchange refuses the code of a user who was deactivated since', async (t) => {
  const profile = githubber()
  const code = await signInForCode(t, stage, 'github', profile)
  await stage.app.sql('UPDATE "user" SET active = false WHERE username = $1', [profile.user.login])
  refused(t, await exchange(stage.app, code), 401, 'invalid_code')
})

test.serial('the database knows a code only by its SHA-256', async (t) => {
  const code = await signInForCode(t, stage, 'github', githubber())
  const rows = await stage.app.sql<{ hash: Uint8Array }>('SELECT hash FROM authorization_code')
  const hashes = rows.map(({ hash }) => Buffer.from(hash).toString('hex'))
  t.true(hashes.includes(createHash('sha256').update(code).digest('hex')))
})
