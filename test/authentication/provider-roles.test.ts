import type { SessionBody } from '../_app.ts'
import { grant } from '../_grant.ts'
import { clientId, clientSecret, type OpenIdUser, startOpenIdPeer } from '../_openid-provider.ts'
import { createRandom } from '../_random.ts'
import { rounds } from '../_rounds.ts'
import test from '../_test.ts'
import { until } from '../_until.ts'
import { during } from '../observability/_events.ts'
import { acmeUser, type OpenIdStage, signInAtAcme, startOpenIdStage } from './_openid.ts'
import { openBrowser } from './_sign-in.ts'

const claims = {
  openid: ['sub'],
  email: ['email', 'email_verified'],
  profile: ['name', 'preferred_username', 'groups', 'realm_access', 'hasgroups', '_claim_names'],
}

const betaCallback = 'https://gateway.test/auth/beta/callback'

/** Two providers: acme-corp with the claims in ID tokens, and beta with the claims in userinfo alone. */
let stage: OpenIdStage
let beta: Awaited<ReturnType<typeof startOpenIdPeer>>

test.before('start', async () => {
  beta = await startOpenIdPeer({ redirectUris: [betaCallback], more: { claims } })
  stage = await startOpenIdStage({
    more: { claims, conformIdTokenClaims: false },
    env: {
      AUTH_ACME_CORP_ROLES_CLAIM: 'groups',
      AUTH_ACME_CORP_ROLES: 'staff=editor,staff=author,CN=Boss\\,OU=Groups=manager,ops=admin,lost=unknown',
      AUTH_BETA_ISSUER: beta.issuer,
      AUTH_BETA_CLIENT_ID: clientId,
      AUTH_BETA_CLIENT_SECRET: clientSecret,
      AUTH_BETA_ROLES_CLAIM: 'realm_access.roles',
      AUTH_RATE_LIMIT: 'off',
    },
  })
  for (const name of ['editor', 'author', 'manager', 'admin', 'staff', ...many])
    await stage.app.sql('INSERT INTO role (name) VALUES ($1)', [name])
})
test.after.always('stop', async () => {
  await stage?.stop()
  await beta?.stop()
})

const many = Array.from({ length: 300 }, (_, n) => `group${n}`)

async function signIn(user: OpenIdUser): Promise<SessionBody> {
  const { status, body, text } = await signInAtAcme(stage, user)
  if (status !== 200) throw new Error(text)
  return body
}

async function signInAtBeta(user: OpenIdUser): Promise<SessionBody> {
  beta.signInAs(user)
  const browser = openBrowser(stage.app)
  const start = await browser.visit('/auth/beta')
  const { status, body, text } = await browser.visit(
    await beta.authorize(start.headers.get('location') ?? ''),
  )
  if (status !== 200) throw new Error(text)
  return body
}

/** Returns the roles of a user with the provider of each row. */
const rowsOf = async (id: string) =>
  (
    await stage.app.sql<{ name: string; provider: string | null }>(
      `SELECT r.name, ur.provider FROM user_role ur JOIN role r ON r.id = ur.role_id
      WHERE ur.user_id = $1 ORDER BY r.name`,
      [id],
    )
  ).map(({ name, provider }) => `${name} ${provider ?? 'by hand'}`)

test.serial('the log of the start names the roles of the list that do not exist', (t) => {
  const warnings = stage.app.logs.filter(({ name }) => name === 'AUTH_ACME_CORP_ROLES')
  t.is(warnings.length, 1)
  t.like(warnings[0], { level: 40 })
  // At the start of this test no role existed.
  t.regex(
    String(warnings[0]?.msg),
    /roles that do not exist: "admin", "author", "editor", "manager", "unknown"; create/,
  )
})

test.serial(
  'the first sign-in has the roles of its groups in its token, and the next one those of that time',
  async (t) => {
    const user = acmeUser({ groups: ['staff', 'lost', 'editor'] })
    const first = await signIn(user)
    t.deepEqual(first.roles, ['author', 'editor', 'user'])
    t.deepEqual((await stage.app.claimsOf(first.token))['x-hasura-allowed-roles'], [
      'author',
      'editor',
      'user',
    ])
    t.deepEqual(await rowsOf(first.id), ['author acme-corp', 'editor acme-corp'])
    t.deepEqual(await stage.app.sql(`SELECT 1 FROM role WHERE name = 'unknown'`), [])
    const next = await signIn({ ...user, groups: 'CN=Boss,OU=Groups' })
    t.deepEqual(next.roles, ['manager', 'user'])
    const { groups: _, ...without } = user
    t.deepEqual((await signIn(without)).roles, ['user'])
  },
)

test.serial('admin does not count without AUTH_ALLOW_ADMIN_ROLE', async (t) => {
  const { id, roles } = await signIn(acmeUser({ groups: ['ops', 'admin'] }))
  t.deepEqual(roles, ['user'])
  t.deepEqual(await rowsOf(id), [])
})

test.serial(
  'a path in userinfo counts where the ID token lacks it, and a value is the name of a role',
  async (t) => {
    const user = acmeUser({ realm_access: { roles: ['editor', 'staff', 'admin', 'offline_access'] } })
    const { id, roles } = await signInAtBeta(user)
    t.deepEqual(roles, ['editor', 'staff', 'user'])
    t.deepEqual(await rowsOf(id), ['editor beta', 'staff beta'])
    // A part of the object in the ID token does not hide the other part in userinfo.
    beta.tamper({
      idToken: (claims, sign) =>
        sign({ ...claims, email: user.email, email_verified: true, realm_access: { other: [] } }),
    })
    t.deepEqual((await signInAtBeta({ ...user, realm_access: { roles: ['author'] } })).roles, [
      'author',
      'user',
    ])
    t.is(
      (await stage.app.sql('SELECT email_verified FROM identity WHERE user_id = $1', [id]))[0]
        ?.email_verified,
      true,
    )
    beta.tamper({})
  },
)

test.serial('a role by hand stays through all sign-ins', async (t) => {
  const user = acmeUser({ groups: ['staff'] })
  const { id } = await signIn({ ...user, groups: [] })
  await grant(stage.app, id, 'editor')
  t.deepEqual((await signIn(user)).roles, ['author', 'editor', 'user'])
  t.deepEqual(await rowsOf(id), ['author acme-corp', 'editor by hand'])
  t.deepEqual((await signIn({ ...user, groups: [] })).roles, ['editor', 'user'])
})

test.serial(
  '300 groups give 300 roles, and the marker for too many leaves the roles and is an event',
  async (t) => {
    const user = acmeUser({ realm_access: { roles: many } })
    const { id, roles } = await signInAtBeta(user)
    t.is(roles.length, 301)
    const mine = acmeUser({ groups: ['staff'] })
    const { roles: before } = await signIn(mine)
    const { groups: _, ...rest } = mine
    for (const marker of [{ _claim_names: { groups: 'src1' } }, { hasgroups: true }]) {
      stage.peer.tamper({ idToken: (claims, sign) => sign({ ...claims, ...marker }) })
      const { answer, events } = await during(stage.app, () => signIn(rest as OpenIdUser))
      t.deepEqual(answer.roles, before)
      t.like(
        events.find(({ event }) => event === 'provider.groups_incomplete'),
        { level: 40, userId: answer.id, provider: 'acme-corp', reason: 'overage' },
      )
    }
    stage.peer.tamper({})
    const { answer, events } = await during(stage.app, () => signIn({ ...mine, groups: { staff: true } }))
    t.deepEqual(answer.roles, before)
    t.like(events[0], { event: 'provider.groups_incomplete', reason: 'malformed' })
    t.deepEqual((await signIn(rest as OpenIdUser)).roles, ['user'])
    t.is((await rowsOf(id)).length, 300)
  },
)

test.serial('changed groups reach a running session, at /webhook and at the refresh', async (t) => {
  const { app } = stage
  const user = acmeUser({ groups: ['staff'] })
  const first = await signIn(user)
  const roleAt = async (role: string) =>
    (await app.get('/webhook', { Authorization: `Bearer ${first.token}`, 'X-Hasura-Role': role })).status
  t.is(await roleAt('editor'), 200)
  t.is(await roleAt('editor'), 200)
  await signIn({ ...user, groups: ['CN=Boss,OU=Groups'] })
  await until(async () => (await roleAt('editor')) === 401 && (await roleAt('manager')) === 200)
  const refreshed = await app.post<SessionBody>('/token', { refreshToken: first.refreshToken })
  t.deepEqual(refreshed.body.roles, ['manager', 'user'])
})

test.serial(
  'a link grants the roles of the provider, and unlinking takes them and the default role back',
  async (t) => {
    const { app, peer } = stage
    const mine = await app.signup('unlinker')
    await grant(app, mine.id, 'author')
    const linking = await app.call<{ url: string }>('POST', '/user/identities/acme-corp', {
      headers: { Authorization: `Bearer ${mine.token}` },
      body: {},
    })
    const [cookie = ''] = (linking.headers.getSetCookie()[0] ?? '').split(';')
    peer.signInAs(acmeUser({ groups: ['staff'] }))
    const { pathname, search } = new URL(await peer.authorize(linking.body.url))
    t.is((await app.get(pathname + search, { Cookie: cookie })).status, 200)
    t.deepEqual(await rowsOf(mine.id), ['author by hand', 'editor acme-corp'])
    await app.sql(
      `UPDATE "user" SET default_role_id = (SELECT id FROM role WHERE name = 'editor') WHERE id = $1`,
      [mine.id],
    )
    const { body } = await app.post<SessionBody>('/token', { refreshToken: mine.refreshToken })
    t.like(body, { roles: ['author', 'editor', 'user'], defaultRole: 'editor' })
    t.is((await app.as(body).call('DELETE', '/user/identities/acme-corp')).status, 204)
    const after = await app.post<SessionBody>('/token', { refreshToken: body.refreshToken })
    t.like(after.body, { roles: ['author', 'user'], defaultRole: 'user' })
    t.deepEqual(await rowsOf(mine.id), ['author by hand'])
  },
)

test.serial(
  'after concurrent sign-ins at the provider each row is of one of them, and the last one decides',
  async (t) => {
    const random = createRandom(19)
    const some = () => many.slice(0, 6).filter(() => random() < 0.5)
    const user = acmeUser({ realm_access: { roles: [] } })
    const { id } = await signInAtBeta(user)
    await grant(stage.app, id, 'group0')
    const expected = (wanted: string[]) =>
      [...new Set(['group0', ...wanted])]
        .sort()
        .map((name) => `${name} ${name === 'group0' ? 'by hand' : 'beta'}`)
    for (let round = 0; round < rounds(5, 50); round++) {
      const sets = [some(), some(), some(), some()]
      const callbacks: string[] = []
      const browsers = sets.map(() => openBrowser(stage.app))
      const waiting = [...sets]
      beta.tamper({
        idToken: (claims, sign) =>
          sign({
            ...claims,
            email: user.email,
            email_verified: true,
            realm_access: { roles: waiting.shift() ?? [] },
          }),
      })
      beta.signInAs(user)
      for (const browser of browsers) {
        const start = await browser.visit('/auth/beta')
        callbacks.push(await beta.authorize(start.headers.get('location') ?? ''))
      }
      const answers = await Promise.all(
        browsers.map((browser, index) => browser.visit(callbacks[index] ?? '')),
      )
      t.deepEqual(
        answers.map(({ status }) => status),
        [200, 200, 200, 200],
      )
      const rows = (await rowsOf(id)).join()
      t.true(
        sets.some((set) => expected(set).join() === rows),
        rows,
      )
    }
    beta.tamper({})
    await signInAtBeta({ ...user, realm_access: { roles: ['group3'] } })
    t.deepEqual(await rowsOf(id), expected(['group3']))
  },
)
