import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import type { Strategy } from 'passport'
import { hardenTransport } from '../../src/authentication/provider-transport.ts'
import { GatewayError } from '../../src/errors.ts'
import test from '../_test.ts'

type Outcome = { error: unknown; data: string | undefined }
type Send = (method: string, url: string, token?: string | null) => Promise<Outcome>

let server: Server
let url: string
const answers = new Map<string, (response: ServerResponse) => void>()
const seen: { url: string; authorization: string | undefined; accept: string | undefined }[] = []

test.serial.before('start', async () => {
  server = createServer((request, response) => {
    const { url: path = '', headers } = request
    seen.push({ url: path, authorization: headers.authorization, accept: headers.accept })
    request.resume().on('end', () => answers.get(path.split('?')[0] ?? '')?.(response))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
test.after.always('stop', () => {
  server?.closeAllConnections()
  server?.close()
})

function harden(timeout: number): Send {
  const oauth2: Record<string, unknown> = { useAuthorizationHeaderforGET: () => {} }
  hardenTransport({ _oauth2: oauth2 } as unknown as Strategy, { timeout, fetch })
  const request = oauth2._request as (...args: unknown[]) => void
  return (method, target, token = null) =>
    new Promise((resolve) => {
      request(method, target, null, 'a=b', token, (error: unknown, data?: string) => resolve({ error, data }))
    })
}

const send = harden(30)

function codeOf({ error }: Outcome): string | null {
  return error instanceof GatewayError ? error.code : null
}

test('the access token goes into the Authorization header and never into the URL', async (t) => {
  answers.set('/profile', (response) => response.end('{"id":1}'))
  const { error, data } = await send('GET', `${url}/profile?fields=id`, 'the-token')
  t.is(error, null)
  t.is(data, '{"id":1}')
  const request = seen.find(({ url: path }) => path.startsWith('/profile'))
  t.deepEqual(request, {
    url: '/profile?fields=id',
    authorization: 'Bearer the-token',
    accept: 'application/json',
  })
})

test('an answer that comes drop by drop is given up when the time for the whole of it is over', async (t) => {
  const timers: NodeJS.Timeout[] = []
  answers.set('/drip', (response) => {
    response.writeHead(200)
    timers.push(setInterval(() => response.write(' '), 50))
  })
  t.is(codeOf(await harden(1)('GET', `${url}/drip`)), 'provider_timeout')
  for (const timer of timers) clearInterval(timer)
})

test('an answer that is announced and never comes is given up', async (t) => {
  answers.set(
    '/headers',
    (response) => void response.writeHead(200, { 'content-length': 100 }).flushHeaders(),
  )
  t.is(codeOf(await harden(1)('POST', `${url}/headers`)), 'provider_timeout')
})

for (const [size, outcome] of [
  [262_144, null],
  [262_145, 'provider_error'],
] as const) {
  test(`an answer of ${size} bytes is ${outcome ?? 'read'}`, async (t) => {
    answers.set(`/${size}`, (response) => response.end('{"id":1}'.padEnd(size)))
    t.is(codeOf(await send('GET', `${url}/${size}`)), outcome)
  })
}

test('at most 32 requests to a provider run at once, and the waiting requests wait within their time limit', async (t) => {
  const held: ServerResponse[] = []
  answers.set('/held', (response) => void held.push(response))
  const patient = harden(30)
  const outcomes = Array.from({ length: 40 }, () => patient('GET', `${url}/held`))
  while (held.length < 32) await setImmediate()
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.is(held.length, 32)
  for (const response of held.splice(0)) response.end('{"id":1}')
  while (held.length < 8) await setImmediate()
  for (const response of held) response.end('{"id":1}')
  t.deepEqual(new Set((await Promise.all(outcomes)).map(codeOf)), new Set([null]))

  const hasty = harden(1)
  const late = await Promise.all(Array.from({ length: 40 }, () => hasty('GET', `${url}/held`)))
  t.deepEqual(new Set(late.map(codeOf)), new Set(['provider_timeout']))
})

test('an answer that is not UTF-8 is provider_error', async (t) => {
  answers.set('/latin1', (response) => response.end(Buffer.from('{"login":"é"}', 'latin1')))
  t.is(codeOf(await send('GET', `${url}/latin1`)), 'provider_error')
})

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect with ${status} is not followed`, async (t) => {
    answers.set('/elsewhere', (response) => response.end('{"id":1,"access_token":"x"}'))
    answers.set(`/${status}`, (response) => response.writeHead(status, { location: '/elsewhere' }).end('{}'))
    t.is(codeOf(await send('GET', `${url}/${status}`, 'the-token')), 'provider_error')
    t.is(codeOf(await send('POST', `${url}/${status}`)), 'provider_error')
    t.false(seen.some(({ url: path }) => path === '/elsewhere'))
  })
}

for (const [what, answer, outcome] of [
  ['a code that is used or unknown', '{"error":"invalid_grant"}', 'provider_denied'],
  [
    'a code that is used or unknown, as GitHub puts it',
    '{"error":"bad_verification_code"}',
    'provider_denied',
  ],
  ['a wrong client secret', '{"error":"incorrect_client_credentials"}', 'provider_error'],
  ['an error beside a token', '{"error":"invalid_grant","access_token":"x"}', 'provider_denied'],
  ['a token that is empty', '{"access_token":""}', 'provider_error'],
  ['a form', 'access_token=x&token_type=bearer', 'provider_error'],
] as const) {
  test(`the token endpoint's answer of ${what} is ${outcome}`, async (t) => {
    answers.set(`/${what}`, (response) => response.end(answer))
    answers.set(encodeURI(`/${what}`), (response) => response.end(answer))
    t.is(codeOf(await send('POST', url + encodeURI(`/${what}`))), outcome)
  })
}

test('what the error says of an unreadable answer does not repeat the answer', async (t) => {
  for (const answer of ['ya29.secret', 'access_token=gho_secret', '{"access_token":"gho_secret",}']) {
    answers.set('/unreadable', (response) => response.end(answer))
    const outcome = await send('POST', `${url}/unreadable`)
    t.is(codeOf(outcome), 'provider_error')
    const { cause } = outcome.error as GatewayError
    t.true(cause instanceof Error)
    t.notRegex((cause as Error).message, /secret|token":|ya29/)
  }
})

test('a strategy that throws in its callback gets the error back, and nothing is left unhandled', async (t) => {
  answers.set('/thrower', (response) => response.end('{}'))
  const oauth2: Record<string, unknown> = { useAuthorizationHeaderforGET: () => {} }
  hardenTransport({ _oauth2: oauth2 } as unknown as Strategy, { timeout: 30, fetch })
  const request = oauth2._request as (...args: unknown[]) => void
  const error = await new Promise((resolve) => {
    request('GET', `${url}/thrower`, null, null, null, (failure: unknown, data?: string) => {
      if (failure === null) (JSON.parse(data ?? '') as { map(): void }).map()
      resolve(failure)
    })
  })
  t.like(error, { code: 'provider_error' })
})

test('what a provider calls an error is repeated only if it is a word that is known', async (t) => {
  for (const [error, isKnown] of [
    ['invalid_client', true],
    ['client_secret=s3cret&code=c0de', false],
  ] as const) {
    answers.set('/refusal', (response) => response.writeHead(400).end(JSON.stringify({ error })))
    const { error: outcome } = await send('POST', `${url}/refusal`)
    t.is(String((outcome as GatewayError).cause).includes(error), isKnown)
  }
})
