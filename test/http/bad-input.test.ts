import { gzipSync } from 'node:zlib'
import { type CallOptions, quick, startApp, type TestApp } from '../_app.ts'
import { badFields, refused } from '../_problem.ts'
import test from '../_test.ts'
import { countRows, postBodies, postRoutes, strictRoutes } from './_routes.ts'

type Good = Record<string, unknown>
type Rubbish = (good: Good) => CallOptions

const raw =
  (make: (json: string) => string | Buffer): Rubbish =>
  (good) => ({ raw: make(JSON.stringify(good)) })
const typed =
  (type: string): Rubbish =>
  (good) => ({ body: good, headers: { 'Content-Type': type } })
const encoded =
  (encoding: string): Rubbish =>
  (good) => ({ raw: gzipSync(JSON.stringify(good)), headers: { 'Content-Encoding': encoding } })
const bytesIn = (...bytes: number[]): Rubbish =>
  raw((json) =>
    Buffer.concat([Buffer.from(`${json.slice(0, -1)},"x":"`), Buffer.of(...bytes), Buffer.from('"}')]),
  )
const firstOf = (good: Good) => Object.keys(good)[0] ?? ''
const twice =
  (name: (first: string) => string): Rubbish =>
  (good) => ({
    raw: `${JSON.stringify(good).slice(0, -1)},"${name(firstOf(good))}":1}`,
  })
const escaped = (name: string) => name.replace(/./g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)

const unparsable: [what: string, rubbish: Rubbish][] = [
  ['nothing', raw(() => '')],
  ['white space', raw(() => ' \n')],
  ['JSON that ends early', raw((json) => json.slice(0, -1))],
  ['JSON with more behind it', raw((json) => `${json}{}`)],
  ['JSON with a comma too many', raw((json) => `${json.slice(0, -1)},}`)],
  ['JSON with a comment', raw((json) => `/**/${json}`)],
  ['JSON in single quotes', raw((json) => json.replaceAll('"', "'"))],
  ['a form', raw(() => 'username=intruder&password=x')],
  ['bytes that are not UTF-8', bytesIn(0xff)],
  ['an overlong form of UTF-8', bytesIn(0xc0, 0xaf)],
  ['half of a surrogate pair as UTF-8', bytesIn(0xed, 0xa0, 0x80)],
  ['a character that ends early', bytesIn(0xe2, 0x82)],
  ['UTF-16', raw((json) => Buffer.from(json, 'utf16le'))],
  ['brackets 8000 deep', raw(() => '['.repeat(8000) + ']'.repeat(8000))],
  ['a member twice', twice((first) => first)],
  ['a member twice, once spelled with escapes', twice(escaped)],
  ['a nested member twice', raw((json) => `${json.slice(0, -1)},"x":[{"y":{"z":1,"z":1}}]}`)],
  ['brackets that never close', raw(() => '['.repeat(16_000))],
]

const untyped: [what: string, rubbish: Rubbish][] = [
  ['no content type', typed('')],
  ['text/plain', typed('text/plain')],
  ['a form', typed('application/x-www-form-urlencoded')],
  ['a multipart form', typed('multipart/form-data; boundary=x')],
  ['another kind of JSON', typed('application/ld+json')],
  ['two content types', typed('application/json, text/plain')],
  ['latin1', typed('application/json; charset=latin1')],
  ['UTF-16', typed('application/json; charset=utf-16')],
  ['gzip', encoded('gzip')],
  ['br', encoded('br')],
  ['gzip twice', encoded('gzip, gzip')],
]

const misshapen: [what: string, rubbish: Rubbish][] = [
  ['an array', raw((json) => `[${json}]`)],
  ['an empty array', raw(() => '[]')],
  ['a string', raw((json) => JSON.stringify(json))],
  ['a number', raw(() => '1')],
  ['null', raw(() => 'null')],
]

let app: TestApp
let before: unknown
test.serial.before('start', async () => {
  app = await startApp({ engine: quick })
  await app.signup('resident')
  before = await countRows(app)
})
test.after('nothing of what was refused has made a row', async (t) => {
  t.deepEqual(await countRows(app), before)
})
test.after.always('stop', () => app?.close())

const tables = [
  { table: unparsable, status: 400, code: 'malformed_request', how: 'a body that is' },
  { table: untyped, status: 415, code: 'unsupported_media_type', how: 'a body that comes with' },
  { table: misshapen, status: 422, code: 'validation_failed', how: 'a body that is' },
]
for (const { table, status, code, how } of tables) {
  for (const [what, rubbish] of table) {
    test(`every POST route answers ${status} to ${how} ${what}`, async (t) => {
      for (const route of postRoutes) {
        const answer = await app.call('POST', route, rubbish(postBodies[route] as Good))
        refused(t, answer, status, code)
        if (status === 422) t.deepEqual(badFields(answer), ['body'])
      }
    })
  }
}

test('every POST route names the member that has the wrong type', async (t) => {
  for (const [route, good] of Object.entries(postBodies)) {
    const members = Object.keys(good).filter((member) => member !== 'request')
    const required = members.filter((name) => !/email|codeVerifier|everywhere/.test(name))
    for (const value of [1, null, ['x'], {}, 'true', true]) {
      const wrong = members.filter((name) => typeof good[name] !== typeof value)
      for (const member of wrong.filter((name) => value !== null || required.includes(name))) {
        const answer = await app.post(route, { ...good, [member]: value })
        refused(t, answer, 422, 'validation_failed')
        t.deepEqual(badFields(answer), [member], `${route} ${answer.text}`)
      }
    }
    const empty = await app.post(route, {})
    refused(t, empty, 422, 'validation_failed')
    t.deepEqual(badFields(empty), required.sort())
  }
})

test('the POST routes of clients refuse members that they do not know', async (t) => {
  for (const route of strictRoutes) {
    for (const name of ['roles', '__proto__', 'constructor', 'toString', 'Username', '']) {
      const body = `${JSON.stringify(postBodies[route]).slice(0, -1)},${JSON.stringify(name)}:["admin"]}`
      const answer = await app.call('POST', route, { raw: body })
      refused(t, answer, 422, 'validation_failed')
      t.deepEqual(badFields(answer), [name])
    }
  }
})

test('the POST routes of clients refuse text that is too long, or that PostgreSQL cannot hold', async (t) => {
  for (const route of strictRoutes) {
    const good = postBodies[route] as Good
    const texts = Object.keys(good).filter((member) => typeof good[member] === 'string')
    for (const member of texts) {
      for (const value of ['x'.repeat(1100), 'a\u0000b@c', 'a\ud800b@c', 'a\udc00@c']) {
        const answer = await app.post(route, { ...good, [member]: value })
        // Any text that is no token or code is as wrong as another.
        if (member === 'refreshToken') refused(t, answer, 401, 'invalid_token')
        else if (member === 'code') refused(t, answer, 401, 'invalid_code')
        else {
          refused(t, answer, 422, 'validation_failed')
          t.true(badFields(answer).includes(member), `${route} ${answer.text}`)
        }
      }
    }
  }
})

test('the POST routes of clients refuse a body above 16 KB', async (t) => {
  for (const route of strictRoutes) {
    const json = '{"nobody": "knows me"}'
    const fits = await app.call('POST', route, { raw: json.padEnd(16_384) })
    refused(t, fits, 422, 'validation_failed')
    for (const length of [16_385, 1_048_576]) {
      refused(t, await app.call('POST', route, { raw: json.padEnd(length) }), 413, 'body_too_large')
    }
    t.is((await app.get('/healthz')).status, 200)
  }
})
