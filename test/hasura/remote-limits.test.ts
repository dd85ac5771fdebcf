import { getIntrospectionQuery, parse } from 'graphql'
import { GatewayError } from '../../src/errors.ts'
import { measureQuery } from '../../src/hasura/query-limits.ts'
import { quick, startApp, type TestApp } from '../_app.ts'
import { remoteRequest } from '../_hasura.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'
import { secret, startActions } from './_actions.ts'
import { askRemote, faulty } from './_remote.ts'

let app: TestApp
test.before('start', async () => {
  app = await startActions({ AUTH_RATE_LIMIT: 'on', AUTH_LOGIN_FAILURES: '2' }, { engine: quick })
})
test.after.always('stop', () => app?.close())

const post = (raw: string) => app.call('POST', '/graphql', { raw, headers: { 'X-Action-Secret': secret } })

test('without the secret, POST /graphql answers 404 to every query, introspection included', async (t) => {
  for (const query of [getIntrospectionQuery(), '{ __typename }', '{ providers { name } }', '{']) {
    for (const sent of [undefined, '', `${secret}x`]) {
      const options = sent === undefined ? {} : { secret: sent }
      refused(t, await app.call('POST', '/graphql', remoteRequest(query, {}, options)), 404, 'not_found')
    }
  }
})

test('without AUTH_ACTION_SECRET, POST /graphql answers 404', async (t) => {
  const closed = await startApp({ engine: quick })
  const request = remoteRequest('{ __typename }', {}, { secret })
  refused(t, await closed.call('POST', '/graphql', request), 404, 'not_found')
  await closed.close()
})

test('a list of requests and an invalid request are rejected', async (t) => {
  const one = '{"query":"{ __typename }"}'
  for (const body of [
    `[${one},${one}]`,
    `[${one}]`,
    '[]',
    '"{ me }"',
    '{}',
    '{"query":1}',
    '{"query":"{a}","batch":[]}',
  ]) {
    const answer = await post(body)
    t.is(answer.status, 422, body)
    t.like(answer.body, { errors: [{ extensions: { code: 'validation_failed' } }] })
  }
  t.like((await post('{')).body, { errors: [{ extensions: { code: 'malformed_request' } }] })
  t.like((await post(`{"query":"${'x'.repeat(65_536)}"}`)).body, {
    errors: [{ extensions: { code: 'body_too_large' } }],
  })
})

test('a query that is not GraphQL is rejected, and the error omits the query', async (t) => {
  for (const query of [
    '',
    '{',
    'login "correct horse"',
    '{ me "correct horse" }',
    '"""correct horse',
    '{ me(a: "correct horse" }',
  ]) {
    const answer = await askRemote(app, query)
    faulty(t, answer, 'malformed_request')
    t.notRegex(JSON.stringify(answer), /horse/)
  }
})

test('a query that does not fit the schema is rejected, and the error omits its values', async (t) => {
  const login = 'mutation ($u: String!) { login(username: $u, password: "correct horse") { id } }'
  const queries: [string, Record<string, unknown>][] = [
    [login, {}],
    [login, { u: { secret: 'correct horse' } }],
    ['mutation { login(username: 7777777, password: ["correct horse"]) { id } }', {}],
    ['mutation { login(username: "a", password: "correct horse", otp: "correct horse") { id } }', {}],
    ['{ me { password } }', {}],
    ['{ me }', {}],
    ['subscription { me { id } }', {}],
    ['{ user { id } }', {}],
  ]
  for (const [query, variables] of queries) {
    const answer = await askRemote(app, query, variables)
    t.is(answer.data, null)
    t.true(answer.errors.length > 0)
    for (const { extensions } of answer.errors) t.is(extensions.code, 'validation_failed')
    t.notRegex(JSON.stringify(answer), /horse|7777777/)
  }
})

/** Counts how often any part of a document is read while it is measured. */
function countReads(query: string): number {
  let reads = 0
  const watch = <T extends object>(node: T): T =>
    new Proxy(node, {
      get: (target, name) => {
        reads++
        const value = Reflect.get(target, name)
        return typeof value === 'object' && value !== null ? watch(value) : value
      },
    })
  try {
    measureQuery(watch(parse(query, { noLocation: true })))
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
  }
  return reads
}

const nested = (levels: number) =>
  `{ __schema { types { ${'ofType { '.repeat(levels)}name${' }'.repeat(levels)} } } }`

test('a query that is too deep, too wide, too long or has too many operations is rejected', async (t) => {
  const wide = Array.from({ length: 501 }, (_, each) => `a${each}`).join(' ')
  const doubling = Array.from(
    { length: 20 },
    (_, each) => `fragment F${each} on AuthUser { ...F${each + 1} ...F${each + 1} }`,
  )
  const large: [string, RegExp][] = [
    [nested(14), /deeper than 16 levels/],
    [`{ ${'a { '.repeat(400)} b ${'} '.repeat(400)} }`, /deeper than 16 levels|more than 1000 tokens/],
    [`{ me { ${wide} } }`, /more than 500 fields/],
    [`{ me { ...F0 } } ${doubling.join(' ')} fragment F20 on AuthUser { id }`, /more than 500 fields/],
    [`{ me { ...A } } fragment A on AuthUser { ...B } fragment B on AuthUser { ...A }`, /contains itself/],
    [`{ ${'a '.repeat(5_000)} }`, /more than 10000 characters/],
    [`{ ${'a '.repeat(1_500)} }`, /more than 1000 tokens/],
    [
      `{ ${Array.from({ length: 5 }, (_, each) => `a${each}: me { id }`).join(' ')} }`,
      /more than 4 root fields/,
    ],
    [
      `query A { a: me { id } b: me { id } c: me { id } } query B { d: me { id } e: me { id } }`,
      /more than 4 root fields/,
    ],
    [`{ ...A ...A ...A ...A ...A } fragment A on Query { me { id } }`, /more than 4 root fields/],
  ]
  for (const [query, words] of large) {
    t.true(countReads(query) < 10 * query.length, query.slice(0, 80))
    const { data, errors } = await askRemote(app, query)
    t.is(data, null)
    t.regex(errors[0]?.message ?? '', words, query.slice(0, 80))
    t.true(['validation_failed', 'malformed_request'].includes(String(errors[0]?.extensions.code)))
  }
})

test('each of several failed logins in one request counts against the limit', async (t) => {
  await app.signup('anna')
  const guess = (name: string) => `${name}: login(username: "anna", password: "${name} horse") { id }`
  const answer = await askRemote(app, `mutation { ${['a', 'b', 'c', 'd'].map(guess).join(' ')} }`)
  faulty(t, answer, 'invalid_credentials', 'invalid_credentials', 'rate_limited', 'rate_limited')
  t.true(Number(answer.errors[2]?.extensions.retryAfter) > 0)
})
