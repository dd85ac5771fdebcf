import { createRelyingParty, type RelyingParty } from '../../src/authentication/relying-party.ts'
import { GatewayError } from '../../src/errors.ts'
import type { Fault } from '../_fake-provider.ts'
import { clientId, clientSecret } from '../_openid-provider.ts'
import test from '../_test.ts'
import { allFaults, type FaultOutcome, faultStatuses } from './_faults.ts'
import {
  acmeUser,
  type OpenIdStage,
  openIdCallback,
  signInAtAcme,
  startAtAcme,
  startOpenIdStage,
} from './_openid.ts'
import { home, openBrowser, refused, sentHome } from './_sign-in.ts'

/** The outcomes of faults other than provider_error. */
const usual: Partial<Record<Fault, FaultOutcome>> = {
  refuse: 'provider_unavailable',
  hang: 'provider_timeout',
  'slow:300': 'session',
}
const ofToken: typeof usual = { ...usual, error: 'provider_denied', 'error-200': 'provider_denied' }

let patient: OpenIdStage
let hasty: OpenIdStage
test.serial.before('start', async () => {
  patient = await startOpenIdStage()
  hasty = await startOpenIdStage({ env: { AUTH_PROVIDER_TIMEOUT: '1' } })
})
test.after.always('stop', async () => {
  await patient?.stop()
  await hasty?.stop()
})

for (const [endpoint, outcomes] of [
  ['token', ofToken],
  ['profile', usual],
] as const)
  for (const fault of allFaults) {
    const outcome = outcomes[fault] ?? 'provider_error'

    test.serial(
      `${fault} at the ${endpoint} endpoint ends in ${outcome}, and the next sign-in works`,
      async (t) => {
        const { app, peer } = fault === 'hang' ? hasty : patient
        const user = acmeUser()
        peer.fault(endpoint, fault)
        const json = await signInAtAcme({ app, peer }, acmeUser())
        peer.signInAs(user)
        const browser = openBrowser(app)
        const callback = await peer.authorize(await startAtAcme(browser, { redirect_to: home }))
        const query = sentHome(t, await browser.visit(callback))
        peer.fault(endpoint, null)

        if (outcome === 'session') {
          t.is(json.status, 200, json.text)
          t.truthy(query.get('code'))
        } else {
          refused(t, json, faultStatuses[outcome], outcome)
          t.is(query.get('error'), outcome)
        }
        t.is(browser.cookies.size, 0)
        t.is((await signInAtAcme({ app, peer }, user)).status, 200)
      },
    )
  }

/** Creates the client of a provider that knows neither metadata nor keys yet. */
function createClient({ peer }: OpenIdStage, timeout: number): RelyingParty {
  return createRelyingParty({
    provider: {
      name: 'acme-corp',
      flow: 'redirect',
      label: 'Acme',
      scope: ['openid'],
      issuer: peer.issuer,
    },
    settings: { clientId, clientSecret },
    callbackUrl: openIdCallback,
    transport: { timeout, fetch },
    clock: () => new Date(),
  })
}

const secrets = { state: 'state', nonce: 'nonce', codeVerifier: 'v'.repeat(43) }

/** Signs in with a client, and returns the code of its error, or `session`. */
async function tryClient({ peer }: OpenIdStage, client: RelyingParty): Promise<string> {
  try {
    peer.signInAs(acmeUser())
    const location = await client.authorizationUrl(secrets, {})
    const { searchParams } = new URL(await peer.authorize(location.href))
    const [code, iss] = [searchParams.get('code') ?? '', searchParams.get('iss') ?? '']
    await client.redeem({ code, iss }, secrets)
    return 'session'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

for (const endpoint of ['metadata', 'keys'] as const)
  for (const fault of allFaults) {
    const outcome = usual[fault] ?? 'provider_error'

    test.serial(
      `${fault} at the ${endpoint} endpoint ends in ${outcome}, and the next sign-in works`,
      async (t) => {
        const client = createClient(patient, fault === 'hang' ? 1 : 30)
        patient.peer.fault(endpoint, fault)
        t.is(await tryClient(patient, client), outcome)
        patient.peer.fault(endpoint, null)
        t.is(await tryClient(patient, client), 'session')
      },
    )
  }

test.serial('keys that cannot be read send the user back to the app', async (t) => {
  const own = await startOpenIdStage()
  t.teardown(own.stop)
  own.peer.fault('keys', 'refuse')
  const answer = await signInAtAcme(own, acmeUser(), { redirect_to: home })
  t.is(sentHome(t, answer).get('error'), 'provider_unavailable')
})

test.serial('no fault of a provider is a fault of ours, and none follows a redirect', (t) => {
  const logs = [...patient.app.logs, ...hasty.app.logs] as { status?: number; code?: string }[]
  t.deepEqual(
    logs.filter(({ status, code }) => status === 500 || code === 'server_error'),
    [],
  )
  const requests = [...patient.peer.requests, ...hasty.peer.requests]
  t.deepEqual(
    requests.filter(({ path }) => path.endsWith('/redirected')),
    [],
  )
})
