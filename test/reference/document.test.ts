import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { Validator } from '@seriousme/openapi-schema-validator'
import { errorTable } from '../../src/errors.ts'
import type { Document, Operation, Schema } from '../../src/reference/openapi.ts'
import { quick, root, startApp, type TestApp } from '../_app.ts'
import { faultOf, responseOf } from '../_documented.ts'
import test from '../_test.ts'

const provider = { AUTH_GITHUB_CLIENT_ID: 'client', AUTH_GITHUB_CLIENT_SECRET: 'only for tests 0123456789' }
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const apple = {
  AUTH_APPLE_CLIENT_ID: 'client',
  AUTH_APPLE_TEAM_ID: 'team',
  AUTH_APPLE_KEY_ID: 'key',
  AUTH_APPLE_PRIVATE_KEY: key.export({ format: 'pem', type: 'pkcs8' }) as string,
}
const everything = {
  ...provider,
  ...apple,
  AUTH_METRICS: 'true',
  AUTH_ACTION_SECRET: 'an action secret that is only good for tests',
  AUTH_WEBHOOK_SECRET: 'a webhook secret that is only good for tests',
  AUTH_RATE_LIMIT: 'on',
  AUTH_SIGNUP: 'false',
  AUTH_PASSWORD_API: 'false',
  AUTH_COOKIE_MODE: 'true',
}

let full: TestApp
let plain: TestApp
let whole: Document
let small: Document
test.before('start', async () => {
  full = await startApp({ engine: quick, env: everything })
  plain = await startApp({ engine: quick })
  whole = (await full.get<Document>('/openapi.json')).body
  small = (await plain.get<Document>('/openapi.json')).body
})
test.after.always('stop', () => Promise.all([full?.close(), plain?.close()]))

const operationsOf = (document: Document): [name: string, operation: Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  )

/** Returns the operations of the whole document; those of providers once, by the name of GitHub. */
const wholeNames = (): string[] => [
  ...new Set(operationsOf(whole).map(([name]) => name.replace(/(auth|identities)\/apple/, '$1/github'))),
]

test('the document is OpenAPI 3.1 by the schema of OpenAPI itself', async (t) => {
  for (const document of [whole, small]) {
    t.deepEqual(await new Validator().validate(structuredClone(document)), { valid: true })
  }
})

test('every route of src/app.ts is in the document, and no other', (t) => {
  const source = readFileSync(new URL('src/app.ts', root), 'utf8')
  const routes = [...source.matchAll(/router\s*\.(get|post|put|patch|delete|all)\(\s*(['`])(.*?)\2/g)].map(
    ([, method = '', , path = '']) => {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands in the source
      const named = path.replace('${name}', 'github').replace(/:(\w+)/g, '{$1}')
      return `${method.toUpperCase()} ${named}`
    },
  )
  t.true(routes.length > 20)
  t.deepEqual(wholeNames().sort(), routes.sort())
  const posted = operationsOf(whole).flatMap(([name]) => (/^POST .*callback$/.test(name) ? [name] : []))
  t.deepEqual(posted, ['POST /auth/apple/callback'])
})

test('what is not switched on is not in the document', (t) => {
  const names = operationsOf(small).map(([name]) => name)
  t.deepEqual(
    names.filter((name) => /github|metrics|graphql|actions/.test(name)),
    [],
  )
  t.deepEqual(Object.keys(small.components.securitySchemes), ['accessToken'])
  const codes = codesOf(small, small.paths['/signup']?.post as Operation)
  t.false(codes.includes('rate_limited') || /(signup|password_api)_disabled/.test(codes.join()))
})

test('every error code but method_not_allowed is documented by a route', (t) => {
  const documented = operationsOf(whole).flatMap(([, operation]) => codesOf(whole, operation))
  t.deepEqual([...new Set([...documented, 'method_not_allowed'])].sort(), Object.keys(errorTable).sort())
  t.deepEqual(
    whole['x-errors'].map(({ code, status, title }) => [code, { status, title }]),
    Object.entries(errorTable).map(([code, { status, title }]) => [code, { status, title }]),
  )
})

test('docs/reference/errors.md says the same of every error code', (t) => {
  const page = readFileSync(new URL('docs/reference/errors.md', root), 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \| (.*) \|$/gm)]
  t.deepEqual(
    rows.map(([, code, status, description]) => ({ code, status: Number(status), description })).sort(byCode),
    whole['x-errors'].map(({ code, status, description }) => ({ code, status, description })).sort(byCode),
  )
})

test('docs/reference/http.md has every operation, and of the pages the reference and the two that apps open', (t) => {
  const page = readFileSync(new URL('docs/reference/http.md', root), 'utf8')
  const cells = [...page.matchAll(/^\| ((?:`(?:GET|POST|DELETE) [^`]*`(?:, )?)+) \|/gm)]
  const rows = cells.flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]*)`/g)].map(([, name = '']) =>
      name.replace(/^(POST.*|.*\/auth)\/<provider>/, '$1/github').replace(/<(\w+)>/g, '{$1}'),
    ),
  )
  t.deepEqual(rows.sort(), [...wholeNames(), 'GET /docs', 'GET /signin', 'GET /signup'].sort())
})

test('every operation, parameter and member of a body has words, and every name of an operation is its own', (t) => {
  const ids = operationsOf(whole).map(([, { operationId }]) => operationId)
  t.deepEqual(ids, [...new Set(ids)])
  for (const [name, { summary, description, parameters, requestBody, tags }] of operationsOf(whole)) {
    t.regex(summary, /^[A-Z]/, name)
    t.regex(description ?? '', /^[A-Z].*\.$/s, name)
    t.true(tags.every((tag) => whole.tags.some((known) => known.name === tag)))
    for (const parameter of parameters ?? []) {
      if (!('$ref' in parameter)) t.regex(parameter.description ?? '', /\.$/, `${name} ${parameter.name}`)
    }
    for (const { schema } of Object.values(requestBody?.content ?? {})) requireWords(schema, name)
  }
  for (const [name, schema] of Object.entries(whole.components.schemas)) requireWords(schema, name)

  function requireWords({ properties = {}, items }: Schema, name: string): void {
    if (items) requireWords(items, `${name}[]`)
    for (const [member, schema] of Object.entries(properties)) {
      if (!schema.$ref) t.regex(schema.description ?? '', /\.$/, `${name}.${member}`)
      requireWords(schema, `${name}.${member}`)
    }
  }
})

test('every example is one of what it stands for', (t) => {
  for (const document of [whole, small]) {
    for (const [name, operation] of operationsOf(document)) {
      const responses = Object.keys(operation.responses).map((s) =>
        responseOf(document, operation, Number(s)),
      )
      const contents = [operation.requestBody, ...responses].flatMap((each) =>
        Object.values(each?.content ?? {}),
      )
      for (const { schema, example, examples = {} } of contents) {
        const given = [example, ...Object.values(examples).map(({ value }) => value)]
        for (const value of given.filter((each) => each !== undefined)) {
          t.is(faultOf(document, schema, value), null, `${name} ${JSON.stringify(value)}`)
        }
      }
    }
  }
})

test('every body that is a JSON object has an example that the gateway itself understands', async (t) => {
  for (const [name, { requestBody }] of operationsOf(small)) {
    const [method = '', path = ''] = name.split(' ')
    if (!requestBody) continue
    const { status, text } = await plain.call(method, path, {
      body: requestBody.content['application/json']?.example,
    })
    t.false([400, 415, 422].includes(status), `${name} ${text}`)
  }
})

test('every member that a body may leave out may be null, at the gateway as in the document', async (t) => {
  const seen = new Set<string>()
  for (const [app, document, secret] of [
    [plain, small, ''],
    [full, whole, everything.AUTH_ACTION_SECRET],
  ] as const) {
    const { body: signedUp } = await plain.post('/signup', {
      username: `nulls ${secret.length}`,
      password: 'correct horse',
      confirmPassword: 'correct horse',
    })
    for (const [name, { requestBody }] of operationsOf(document)) {
      const [method = '', path = ''] = name.split(' ')
      const { schema, example } = requestBody?.content['application/json'] ?? {}
      const { properties = {}, required = [] } = schema ?? {}
      for (const member of Object.keys(properties).filter((each) => !required.includes(each))) {
        seen.add(`${path} ${member}`)
        const body = { ...(example as object), [member]: null }
        t.is(faultOf(document, schema as Schema, body), null, `${name} ${member}`)
        const headers = { Authorization: `Bearer ${signedUp.token}`, 'X-Action-Secret': secret }
        const { status, text } = await app.call(method, path, { body, headers })
        t.false([400, 415, 422].includes(status), `${name} ${member} ${text}`)
      }
      for (const member of required) {
        const body = { ...(example as object), [member]: null }
        t.not(faultOf(document, schema as Schema, body), null, `${name} ${member}`)
      }
    }
  }
  for (const each of [
    '/signup email',
    '/user/password currentPassword',
    '/token/exchange codeVerifier',
    '/token refreshToken',
  ])
    t.true(seen.has(each), each)
})

test('in cookie mode the refresh token is a cookie and in no body, but for Hasura', (t) => {
  t.deepEqual(whole.paths['/token']?.post?.security, [{}, { refreshCookie: [] }])
  t.is(whole.components.securitySchemes.refreshCookie?.name, '__Host-claimgate-refresh')
  t.false('refreshToken' in (whole.components.schemas.BrowserSession?.properties ?? {}))
  t.true('refreshToken' in (whole.components.schemas.Session?.properties ?? {}))
})

test('outside of cookie mode the body of a refresh and of a log-out needs the token', async (t) => {
  for (const path of ['/token', '/logout']) {
    const bodyOf = ({ paths }: Document) =>
      paths[path]?.post?.requestBody?.content['application/json']?.schema as Schema
    t.deepEqual(bodyOf(small).required, ['refreshToken'])
    t.is(bodyOf(whole).required, undefined)
    const { status, body } = await plain.post(path, {})
    t.is(status, 422)
    t.deepEqual(body.errors, [{ field: 'refreshToken', rule: 'required', detail: 'is required' }])
  }
})

test('a callback of a provider may lead to a page, where there are pages', async (t) => {
  const bare = await startApp({ engine: quick, env: { ...provider, AUTH_PAGES: 'false' } })
  t.teardown(() => bare.close())
  const { body } = await bare.get<Document>('/openapi.json')
  const answersOf = (document: Document) => document.paths['/auth/github/callback']?.get?.responses ?? {}
  const locationOf = (document: Document, status: number) => {
    const answer = answersOf(document)[status]
    return JSON.stringify(answer && 'headers' in answer ? answer.headers : null)
  }
  t.regex(locationOf(whole, 302), /app or of the sign-in page/)
  t.regex(locationOf(whole, 303), /account page/)
  t.notRegex(locationOf(body, 302), /page/)
  t.false('303' in answersOf(body))
})

test('the document names the public address and not that of the request', (t) => {
  t.deepEqual(
    whole.servers.map(({ url }) => url),
    ['https://gateway.test'],
  )
})

test('a client that has the document only revalidates it', async (t) => {
  const { headers } = await plain.get('/openapi.json')
  t.is(headers.get('cache-control'), 'no-cache')
  t.is(await statusFor(headers.get('etag') ?? ''), 304)
  t.is(await statusFor('"another"'), 200)
})

/** Sends a request by node:http, because fetch handles conditional requests itself. */
function statusFor(etag: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(`${plain.url}/openapi.json`, { headers: { 'If-None-Match': etag } }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    sent.on('error', reject).end()
  })
}

function codesOf(document: Document, operation: Operation): string[] {
  return Object.keys(operation.responses).flatMap((status) =>
    Object.values(responseOf(document, operation, Number(status))?.content ?? {}).flatMap(({ examples }) =>
      Object.keys(examples ?? {}),
    ),
  )
}

function byCode(a: { code?: string | undefined }, b: { code?: string | undefined }): number {
  return String(a.code) < String(b.code) ? -1 : 1
}
