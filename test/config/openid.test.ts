import { generateKeyPairSync } from 'node:crypto'
import { parseConfig } from '../../src/config/config.ts'
import { findWarnings } from '../../src/config/warnings.ts'
import { ConfigError } from '../../src/errors.ts'
import test from '../_test.ts'

const secret = { AUTH_SECRET: 'a secret that is only good for tests 0123456789' }
const acme = { AUTH_ACME_ISSUER: 'https://idp.test', AUTH_ACME_CLIENT_ID: 'id' }
const files = { otherProviders: { openId: ['gitlab', 'apple'], password: ['staff'], signed: ['apple'] } }

const providersOf = (env: Record<string, string>) =>
  Object.fromEntries(parseConfig(env, ['github'], files).providers)

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parseConfig({ ...secret, ...env }, ['github'], files)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

test('an issuer and a client id make a provider, whose name has dashes for underscores', (t) => {
  t.deepEqual(providersOf({ AUTH_ACME_CORP_ISSUER: 'https://idp.test/a/', AUTH_ACME_CORP_CLIENT_ID: 'id' }), {
    'acme-corp': { clientId: 'id', issuer: 'https://idp.test/a/' },
  })
  const all = {
    ...acme,
    AUTH_ACME_CLIENT_SECRET: 'secret',
    AUTH_ACME_LABEL: ' Acme Inc. ',
    AUTH_ACME_SCOPE: 'openid groups',
    AUTH_ACME_PARAMETERS: 'prompt=select_account&hd=example.com',
  }
  t.deepEqual(providersOf(all), {
    acme: {
      clientId: 'id',
      clientSecret: 'secret',
      issuer: 'https://idp.test',
      label: 'Acme Inc.',
      scope: ['openid', 'groups'],
      parameters: { prompt: 'select_account', hd: 'example.com' },
    },
  })
  t.deepEqual(parseConfig({ ...secret, ...all }).unknownVariables, [])
})

test('the providers are sorted by name, whichever way they are made', (t) => {
  const env = {
    ...acme,
    AUTH_ZETA_ISSUER: 'https://idp.test',
    AUTH_ZETA_CLIENT_ID: 'id',
    AUTH_GITHUB_CLIENT_ID: 'id',
    AUTH_GITHUB_CLIENT_SECRET: 'secret',
    AUTH_GITLAB_CLIENT_ID: 'id',
  }
  t.deepEqual(Object.keys(providersOf(env)), ['acme', 'github', 'gitlab', 'zeta'])
})

test('the secret of an OpenID provider may be in a file', (t) => {
  const secrets = new Map([['AUTH_ACME_CLIENT_SECRET_FILE', { content: 'from the file' }]])
  const env = { ...secret, ...acme, AUTH_ACME_CLIENT_SECRET_FILE: '/run/secret' }
  t.is(parseConfig(env, [], { secrets }).providers.get('acme')?.clientSecret, 'from the file')
})

test('an issuer without a client id ends the start, and so do other incomplete settings', (t) => {
  t.deepEqual(problemsOf({ AUTH_ACME_ISSUER: 'https://idp.test' }), [
    'AUTH_ACME_CLIENT_ID must be set too: AUTH_ACME_ISSUER is set',
  ])
  t.deepEqual(problemsOf({ AUTH_GITLAB_ISSUER: 'https://git.test' }), [
    'AUTH_GITLAB_CLIENT_ID must be set too: AUTH_GITLAB_ISSUER is set',
  ])
  t.deepEqual(problemsOf({ AUTH_GITLAB_CLIENT_SECRET: 'x' }), [
    'AUTH_GITLAB_CLIENT_ID must be set too: AUTH_GITLAB_CLIENT_SECRET is set',
  ])
  t.deepEqual(problemsOf({ ...acme, AUTH_ACME_SCOPE: 'profile email' }), [
    'AUTH_ACME_SCOPE must have openid, without which the provider sends no ID token',
  ])
  t.deepEqual(problemsOf({ AUTH_ACME_ISSUER: '', AUTH_ACME_CLIENT_ID: '' }), [])
})

test('an issuer is an http(s) URL as metadata has it; http is for this machine, or outside production', (t) => {
  for (const issuer of [
    'idp.test',
    'ftp://idp.test',
    'https://idp.test?x=1',
    'https://idp.test#x',
    'https://user:pw@idp.test',
    'https://IDP.test',
    ' https://idp.test',
  ])
    t.regex(
      problemsOf({ ...acme, AUTH_ACME_ISSUER: issuer }).join(),
      /^AUTH_ACME_ISSUER must be an http/,
      issuer,
    )
  t.regex(
    problemsOf({ ...acme, AUTH_ACME_ISSUER: 'https://idp.test/.well-known/openid-configuration' }).join(),
    /must be the issuer alone/,
  )
  const production = { ...acme, NODE_ENV: 'production' }
  t.deepEqual(problemsOf({ ...acme, AUTH_ACME_ISSUER: 'http://idp.test' }), [])
  t.deepEqual(problemsOf({ ...production, AUTH_ACME_ISSUER: 'http://127.0.0.1:9000' }), [])
  t.deepEqual(problemsOf({ ...production, AUTH_ACME_ISSUER: 'http://localhost:9000/realms/a' }), [])
  t.deepEqual(problemsOf({ ...production, AUTH_ACME_ISSUER: 'http://idp.test' }), [
    'AUTH_ACME_ISSUER must be an https: URL, because NODE_ENV is production',
  ])
})

test('the issuer of a file with a strategy stays any text', (t) => {
  const github = { AUTH_GITHUB_CLIENT_ID: 'id', AUTH_GITHUB_CLIENT_SECRET: 'secret' }
  t.is(providersOf({ ...github, AUTH_GITHUB_ISSUER: 'github' }).github?.issuer, 'github')
})

for (const name of [
  'SESSION',
  'COOKIE',
  'PASSWORD',
  'PAGES',
  'KEY',
  'PUBLIC',
  'SESSION_IDLE',
  'HASH_QUEUE',
  'SECRET',
  'ISSUER',
  'PROVIDER',
])
  test(`AUTH_${name}_ISSUER ends the start, because variables of the gateway begin with AUTH_${name}`, (t) => {
    const env = { [`AUTH_${name}_ISSUER`]: 'https://idp.test', [`AUTH_${name}_CLIENT_ID`]: 'id' }
    t.true(problemsOf(env).some((problem) => problem.startsWith(`AUTH_${name}_ISSUER needs another name`)))
  })

for (const name of ['LOCAL', 'EMAIL', 'SMTP', 'PASSKEY', 'GUEST', 'ADMIN', 'STAFF', 'EMAIL_LOGIN'])
  test(`AUTH_${name}_ISSUER ends the start, because the name is reserved or of another provider`, (t) => {
    const env = { [`AUTH_${name}_ISSUER`]: 'https://idp.test', [`AUTH_${name}_CLIENT_ID`]: 'id' }
    t.true(problemsOf(env).some((problem) => problem.startsWith(`AUTH_${name}_ISSUER needs another name`)))
  })

test('names of providers that begin like each other are no problem', (t) => {
  const env = { ...acme, AUTH_ACME_CORP_ISSUER: 'https://idp.test', AUTH_ACME_CORP_CLIENT_ID: 'id' }
  t.deepEqual(problemsOf(env), [])
  t.deepEqual(Object.keys(providersOf(env)), ['acme', 'acme-corp'])
})

test('names that are not a route segment make no provider, and are unknown variables', (t) => {
  const env = {
    AUTH__X_ISSUER: 'https://idp.test',
    AUTH_3M_ISSUER: 'https://idp.test',
    AUTH_A__B_ISSUER: 'x',
  }
  t.deepEqual(parseConfig({ ...secret, ...env }).unknownVariables, Object.keys(env))
})

test('parameters are a query without the parameters that the gateway sets', (t) => {
  for (const [value, problem] of [
    ['prompt', /must be a query/],
    ['a b=c', /must be a query/],
    ['=x', /must be a query/],
    ['state=x', /must not have state/],
    ['prompt=login&response_mode=form_post', /must not have response_mode/],
    ['client_id=x', /must not have client_id/],
    ['a=1&a=2', /each parameter once/],
    [`a=${'x'.repeat(1000)}`, /at most 1000/],
  ] as const)
    t.regex(problemsOf({ ...acme, AUTH_ACME_PARAMETERS: value }).join(), problem, value)
  const encoded = providersOf({ ...acme, AUTH_ACME_PARAMETERS: 'claims=%7B%22a%22%3Anull%7D&x=' })
  t.deepEqual(encoded.acme?.parameters, { claims: '{"a":null}', x: '' })
})

test('a label is one line of at most 60 characters', (t) => {
  for (const label of [' ', 'x'.repeat(61), 'a\nb'])
    t.regex(problemsOf({ ...acme, AUTH_ACME_LABEL: label }).join(), /AUTH_ACME_LABEL must be one line/)
})

test('AUTH_<NAME>_ROLES is split at commas and the last =, and a value may stand twice', (t) => {
  const rolesOf = (text: string) =>
    providersOf({ ...acme, AUTH_ACME_ROLES_CLAIM: ' groups ', AUTH_ACME_ROLES: text }).acme?.roles
  t.deepEqual(rolesOf('staff=editor, staff = author,CN=Boss\\,OU=Groups=manager,'), {
    claim: 'groups',
    roles: new Map([
      ['staff', ['editor', 'author']],
      ['CN=Boss,OU=Groups', ['manager']],
    ]),
  })
  t.deepEqual(rolesOf('CORP\\staff=team lead\\, east'), {
    claim: 'groups',
    roles: new Map([['CORP\\staff', ['team lead, east']]]),
  })
  t.deepEqual(providersOf({ ...acme, AUTH_ACME_ROLES_CLAIM: 'realm_access.roles' }).acme?.roles, {
    claim: 'realm_access.roles',
  })
  for (const text of [
    'staff',
    '=editor',
    'staff=',
    'staff=editor,x',
    `staff=${'x'.repeat(256)}`,
    'a=b\u0007',
  ])
    t.regex(
      problemsOf({ ...acme, AUTH_ACME_ROLES_CLAIM: 'groups', AUTH_ACME_ROLES: text }).join(),
      /^AUTH_ACME_ROLES must be value=role,… /,
    )
})

test('roles need the claim and an OpenID provider, and admin without AUTH_ALLOW_ADMIN_ROLE is a warning', (t) => {
  t.deepEqual(problemsOf({ ...acme, AUTH_ACME_ROLES: 'staff=editor' }), [
    'AUTH_ACME_ROLES_CLAIM must be set too: it names the claim with the values of AUTH_ACME_ROLES',
  ])
  const github = { AUTH_GITHUB_CLIENT_ID: 'id', AUTH_GITHUB_CLIENT_SECRET: 'secret' }
  t.regex(
    problemsOf({ ...github, AUTH_GITHUB_ROLES_CLAIM: 'groups' }).join(),
    /^AUTH_GITHUB_ROLES_CLAIM requires an OpenID provider/,
  )
  t.deepEqual(problemsOf({ AUTH_GITLAB_CLIENT_ID: 'id', AUTH_GITLAB_ROLES_CLAIM: 'groups_direct' }), [])
  const ops = { ...acme, AUTH_ACME_ROLES_CLAIM: 'groups', AUTH_ACME_ROLES: 'ops=admin' }
  const warningsOf = (env: Record<string, string>) =>
    findWarnings(parseConfig({ ...secret, ...env })).map(({ name }) => name)
  t.deepEqual(warningsOf(ops), ['AUTH_ACME_ROLES'])
  t.deepEqual(warningsOf({ ...ops, AUTH_ALLOW_ADMIN_ROLE: 'true' }), [])
})

test('the client ids of native apps need a provider that signs ID tokens', (t) => {
  const idsOf = (text: string) => providersOf({ ...acme, AUTH_ACME_CLIENT_IDS: text }).acme?.clientIds
  t.deepEqual(idsOf('ios, android web'), ['ios', 'android', 'web'])
  t.deepEqual(problemsOf({ ...acme, AUTH_ACME_CLIENT_IDS: ' , ' }), [
    'AUTH_ACME_CLIENT_IDS must be client ids, with commas',
  ])
  const github = { AUTH_GITHUB_CLIENT_ID: 'id', AUTH_GITHUB_CLIENT_SECRET: 'secret' }
  t.deepEqual(problemsOf({ ...github, AUTH_GITHUB_CLIENT_IDS: 'ios' }), [
    'AUTH_GITHUB_CLIENT_IDS requires a provider that signs ID tokens: unset it',
  ])
  const oauth = { ...secret, ...github, AUTH_GITHUB_CLIENT_IDS: 'ios' }
  const own = { otherProviders: { ...files.otherProviders, idTokens: ['github'] } }
  t.deepEqual(parseConfig(oauth, ['github'], own).providers.get('github')?.clientIds, ['ios'])
})

const keyOn = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
const pem = keyOn('P-256')
const apple = { AUTH_APPLE_CLIENT_ID: 'id', AUTH_APPLE_TEAM_ID: 'TEAM', AUTH_APPLE_KEY_ID: 'KEY' }

test('a signed client secret has a key in PEM, with newlines or on one line, or in a file', (t) => {
  for (const text of [pem, pem.replaceAll('\n', '\\n'), Buffer.from(pem).toString('base64')]) {
    const { signing } = providersOf({ ...secret, ...apple, AUTH_APPLE_PRIVATE_KEY: text }).apple ?? {}
    t.like(signing, { teamId: 'TEAM', keyId: 'KEY' })
    t.is(signing?.privateKey.export({ format: 'pem', type: 'pkcs8' }), pem)
  }
  const secrets = new Map([['AUTH_APPLE_PRIVATE_KEY_FILE', { content: pem }]])
  const env = { ...secret, ...apple, AUTH_APPLE_PRIVATE_KEY_FILE: '/run/secrets/apple.p8' }
  t.is(parseConfig(env, [], { ...files, secrets }).providers.get('apple')?.signing?.keyId, 'KEY')
})

test('a signed client secret requires all of its parts, and a key on P-256', (t) => {
  const reason = 'must be set too: the gateway signs the client secret itself'
  t.deepEqual(problemsOf({ AUTH_APPLE_CLIENT_ID: 'id' }), [
    `AUTH_APPLE_TEAM_ID ${reason}`,
    `AUTH_APPLE_KEY_ID ${reason}`,
    `AUTH_APPLE_PRIVATE_KEY ${reason}`,
  ])
  t.deepEqual(problemsOf({ AUTH_APPLE_KEY_ID: 'KEY', AUTH_APPLE_PRIVATE_KEY: pem }), [
    `AUTH_APPLE_TEAM_ID ${reason}`,
  ])
  const { AUTH_APPLE_CLIENT_ID: _, ...key } = apple
  t.deepEqual(problemsOf({ ...key, AUTH_APPLE_PRIVATE_KEY: pem }), [
    'AUTH_APPLE_CLIENT_ID must be set too: AUTH_APPLE_PRIVATE_KEY is set',
  ])
  for (const text of [keyOn('P-384'), 'no key', pem.slice(0, 60)])
    t.deepEqual(problemsOf({ ...apple, AUTH_APPLE_PRIVATE_KEY: text }), [
      'AUTH_APPLE_PRIVATE_KEY must be a private key on the curve P-256 in PEM',
    ])
  const { unknownVariables } = parseConfig(
    { ...secret, ...apple, AUTH_APPLE_PRIVATE_KEY: pem, AUTH_APPLE_CLIENT_SECRET: 'a JWT' },
    [],
    files,
  )
  t.deepEqual(unknownVariables, ['AUTH_APPLE_CLIENT_SECRET'])
})
