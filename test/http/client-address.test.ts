import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { clientAddress } from '../../src/http/ip-address.ts'
import { appTest, quick } from '../_app.ts'
import test from '../_test.ts'
import { exchange, requestText } from './_wire.ts'

const forwarded = '203.0.113.66, 198.51.100.7,192.0.2.9'

for (const [proxies, expected] of [
  ['0', '127.0.0.1'],
  ['1', '192.0.2.9'],
  ['2', '198.51.100.7'],
] as const) {
  test.serial(
    `with AUTH_TRUSTED_PROXIES=${proxies} a session remembers ${expected} of "${forwarded}"`,
    appTest({ engine: quick, env: { AUTH_TRUSTED_PROXIES: proxies } }, async (t, app) => {
      const body = { username: 'a', password: 'aaaa', confirmPassword: 'aaaa' }
      const headers = { 'X-Forwarded-For': forwarded, 'X-Real-IP': '1.1.1.1', Forwarded: 'for=1.1.1.1' }
      t.is((await app.call('POST', '/signup', { body, headers })).status, 200)
      t.deepEqual(await app.sql('SELECT address FROM session'), [{ address: expected }])
    }),
  )
}

test(
  'a client with as many headers as it can send does not hide the address that the proxy adds',
  appTest({ engine: quick, env: { AUTH_TRUSTED_PROXIES: '1' } }, async (t, app) => {
    const body = JSON.stringify({ username: 'a', password: 'aaaa', confirmPassword: 'aaaa' })
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': String(body.length),
      // More than the 2,000 that Node keeps by default.
      X: Array(2500).fill('').join('\r\nX:'),
      'X-Forwarded-For': '192.0.2.9',
    }
    t.is((await exchange(app.gateway.port, requestText('POST /signup', headers, body))).status, 200)
    t.deepEqual(await app.sql('SELECT address FROM session'), [{ address: '192.0.2.9' }])
  }),
)

const request = (remoteAddress: string | undefined, header?: string | string[]): IncomingMessage =>
  ({ socket: { remoteAddress }, headers: header === undefined ? {} : { 'x-forwarded-for': header } }) as never

test('an address is that of the socket when the proxies say less than they should, or nothing that is one', (t) => {
  for (const header of [undefined, '', '1.1.1.1', 'unknown, 1.1.1.1', ', 1.1.1.1']) {
    t.is(clientAddress(request('10.0.0.1', header), 2), '10.0.0.1')
  }
})

test('an IPv4 address that comes through an IPv6 socket is written as itself', (t) => {
  t.is(clientAddress(request('::ffff:10.0.0.1'), 0), '10.0.0.1')
  t.is(clientAddress(request('::1', '::ffff:10.0.0.2'), 1), '10.0.0.2')
  t.is(clientAddress(request('::1', '2001:db8::1'), 1), '2001:db8::1')
  t.is(clientAddress(request(undefined), 0), '')
})

test('a port beside an address, as some proxies write it, is left out', (t) => {
  t.is(clientAddress(request('10.0.0.1', '1.1.1.1, 192.0.2.7:5678'), 1), '192.0.2.7')
  t.is(clientAddress(request('10.0.0.1', '[2001:db8::1]:443'), 1), '2001:db8::1')
  t.is(clientAddress(request('10.0.0.1', '::ffff:102:304'), 1), '1.2.3.4')
})

test('what a client writes itself never decides its address', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.ipV4(), fc.ipV4(), (written, client, proxy) => {
      const header = `${written}, ${client}, ${proxy}`
      t.is(clientAddress(request('10.0.0.1', header), 2), client)
      t.is(clientAddress(request('10.0.0.1', [written, `${client},${proxy}`]), 2), client)
      t.is(clientAddress(request('10.0.0.1', header), 1), proxy)
      t.is(clientAddress(request('10.0.0.1', header), 0), '10.0.0.1')
    }),
  )
})
