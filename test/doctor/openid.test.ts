import type { Check } from '../../src/doctor/check.ts'
import { readPage } from '../../src/doctor/gateway.ts'
import { examineOpenId, type OpenIdState } from '../../src/doctor/openid.ts'
import { clientId, createProviderKey, type OpenIdPeer, startOpenIdPeer } from '../_openid-provider.ts'
import test from '../_test.ts'

const callbackUrl = 'https://gateway.test/auth/acme/callback'

let peer: OpenIdPeer
test.serial.before('start', async () => {
  peer = await startOpenIdPeer({ redirectUris: [callbackUrl] })
})
test.after.always('stop', () => peer?.stop())
test.serial.afterEach.always(() => {
  peer.tamper({})
  for (const endpoint of ['metadata', 'keys', 'authorize'] as const) peer.fault(endpoint, null)
})

type Options = { state?: Partial<OpenIdState>; now?: Date; headers?: Record<string, string> }

/** Examines the provider, and returns the checks by the part that they are about. */
async function examine({ state, now = new Date(), headers }: Options = {}): Promise<Record<string, Check>> {
  const provider = {
    label: 'Acme',
    prefix: 'AUTH_ACME',
    issuer: peer.issuer,
    clientId,
    callbackUrl,
    scope: ['openid', 'email'],
    ...state,
    metadataIssuer: state?.metadataIssuer ?? state?.issuer ?? peer.issuer,
  }
  const read = async (url: string) => {
    const page = await readPage(fetch, url, 5000)
    if (typeof page !== 'string' && headers) page.headers = new Headers(headers)
    return page
  }
  const checks = await examineOpenId(provider, { read, clock: () => now })
  return Object.fromEntries(checks.map((check) => [check.name.replace(/^Acme /, ''), check]))
}

test.serial('an issuer of many tenants has metadata with their form, and passes', async (t) => {
  const metadataIssuer = `${peer.issuer}/{tenantid}`
  peer.tamper({ metadata: (metadata) => ({ ...metadata, issuer: metadataIssuer }) })
  t.is((await examine({ state: { metadataIssuer } })).metadata?.status, 'ok')
  t.is((await examine()).metadata?.status, 'failed')
})

test.serial('a provider that works passes every check, and is asked for no page', async (t) => {
  const checks = await examine()
  t.deepEqual(
    Object.entries(checks).map(([name, { status }]) => [name, status]),
    [
      ['metadata', 'ok'],
      ['keys', 'ok'],
      ['clock', 'ok'],
      ['callback URL', 'ok'],
    ],
  )
  t.is(checks['callback URL']?.detail, `the provider accepts ${callbackUrl}`)
  t.regex(checks.keys?.detail ?? '', new RegExp(peer.key.kid))
})

test.serial(
  'metadata that cannot be read, or is of another issuer, fails with the variable to set',
  async (t) => {
    const failures = [
      [{ state: { issuer: 'http://127.0.0.1:1' } }, /cannot be reached|refused/i],
      [{ state: { issuer: `${peer.issuer}/realms/x` } }, /answers 404/],
      [{ state: { issuer: `${peer.issuer}/` } }, /belongs to the issuer/],
    ] as const
    for (const [options, detail] of failures) {
      const { metadata, keys } = await examine(options)
      t.like(metadata, { status: 'failed' })
      t.regex(metadata?.detail ?? '', detail)
      t.regex(metadata?.status === 'failed' ? metadata.cure : '', /^set AUTH_ACME_ISSUER/)
      t.is(keys?.status, 'skipped')
    }
    for (const fault of ['html', 'null', 'no-id', 'status:302'] as const) {
      peer.fault('metadata', fault)
      t.is((await examine()).metadata?.status, 'failed', fault)
    }
  },
)

test.serial('keys must be readable, one must sign, and a key with two names is a warning', async (t) => {
  for (const fault of ['html', 'null', 'status:500', 'refuse', 'no-id'] as const) {
    peer.fault('keys', fault)
    t.is((await examine()).keys?.status, 'failed', fault)
  }
  peer.fault('keys', null)
  const ec = await createProviderKey('ES384')
  for (const keys of [[{ kty: 'oct', k: 'x' }], [{ ...peer.key, use: 'enc' }], [ec]]) {
    peer.tamper({ keys: () => ({ keys }) })
    t.regex((await examine()).keys?.detail ?? '', /no key for RS256/)
  }
  peer.tamper({ keys: (keys) => ({ keys: [...keys, { ...keys[0], kid: 'again' }] }) })
  const { keys } = await examine()
  t.is(keys?.status, 'warning')
  t.regex(keys?.detail ?? '', /one key under several names: key-\w+, again/)
})

test.serial(
  'the clock of the provider is compared by its header Date, also of a cached answer',
  async (t) => {
    const at = (seconds: number) => new Date(Date.now() + seconds * 1000)
    t.is((await examine({ now: at(20) })).clock?.status, 'ok')
    t.regex((await examine({ now: at(90) })).clock?.detail ?? '', /\d+ s behind the gateway/)
    t.regex((await examine({ now: at(-90) })).clock?.detail ?? '', /\d+ s ahead of the gateway/)
    const date = new Date().toUTCString()
    t.is((await examine({ now: at(90), headers: { date, age: '90' } })).clock?.status, 'ok')
    t.is((await examine({ headers: {} })).clock?.status, 'skipped')
  },
)

test.serial(
  'a provider that rejects the client or the callback URL fails, and one that does not tell passes',
  async (t) => {
    for (const state of [{ callbackUrl: 'https://gateway.test/other' }, { clientId: 'unknown' }]) {
      const check = (await examine({ state }))['callback URL']
      t.is(check?.status, 'failed')
      t.regex(check?.status === 'failed' ? check.cure : '', /^register https:\/\/gateway\.test\//)
    }
    peer.fault('authorize', 'html')
    t.regex((await examine())['callback URL']?.detail ?? '', /does not tell/)
    peer.fault('authorize', 'refuse')
    t.is((await examine())['callback URL']?.status, 'failed')
  },
)
