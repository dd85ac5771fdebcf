import type { Answer } from '../_app.ts'
import type { Fault, ProviderEndpoint } from '../_fake-provider.ts'
import test from '../_test.ts'
import { allFaults, type FaultOutcome, faultStatuses } from './_faults.ts'
import {
  anybody,
  home,
  openBrowser,
  otherNames,
  providerNames,
  refused,
  type Stage,
  sentHome,
  signIn,
  startStageOf,
} from './_sign-in.ts'

const timeout = 1
const slack = 20

/** The outcomes of faults other than provider_error. */
const outcomes: Record<ProviderEndpoint, Partial<Record<Fault, FaultOutcome>>> = {
  // A late right answer, and the errors of token endpoints for an invalid code.
  token: {
    refuse: 'provider_unavailable',
    'slow:300': 'session',
    hang: 'provider_timeout',
    error: 'provider_denied',
    'error-200': 'provider_denied',
  },
  profile: { 'slow:300': 'session', hang: 'provider_timeout', refuse: 'provider_unavailable' },
  // Addresses do not identify a user, and a GitHub App may lack the permission to read them.
  emails: Object.fromEntries(allFaults.map((fault) => [fault, 'session'])),
}

const endpoints = [
  ['github', 'token'],
  ['github', 'profile'],
  ['github', 'emails'],
  ['google', 'token'],
  ['google', 'profile'],
  ...otherNames.flatMap((name) => [[name, 'token'] as const, [name, 'profile'] as const]),
  ['bitbucket', 'emails'],
] as const
const names = [...providerNames, ...otherNames]

let patient: Stage
let hasty: Stage
test.serial.before('start', async () => {
  patient = await startStageOf(names)
  hasty = await startStageOf(names, { env: { AUTH_PROVIDER_TIMEOUT: String(timeout) } })
})
test.after.always('stop', async () => {
  await patient?.stop()
  await hasty?.stop()
})

for (const [provider, endpoint] of endpoints) {
  for (const fault of allFaults) {
    const outcome = outcomes[endpoint][fault] ?? 'provider_error'

    test.serial(
      `${provider}: ${fault} at the ${endpoint} endpoint ends in ${outcome}, and the next sign-in works`,
      async (t) => {
        const stage = fault === 'hang' ? hasty : patient
        const { app, fake } = stage
        const started = Date.now()
        fake.fault(provider, endpoint, fault)
        const browser = openBrowser(app)
        const profile = anybody[provider]()
        const [json, redirect] = await Promise.all([
          signIn(stage, provider, anybody[provider]()),
          browser
            .start(provider, { redirect_to: home })
            .then((location) => browser.visit(fake.authorize(location, profile))),
        ])
        fake.fault(provider, endpoint, null)
        if (outcome === 'provider_timeout') t.true(Date.now() - started < (timeout + slack) * 1000)

        const query = sentHome(t, redirect)
        if (outcome === 'session') {
          t.is(json.status, 200, json.text)
          t.truthy(query.get('code'))
        } else {
          refused(t, json, faultStatuses[outcome], outcome)
          t.is(query.get('error'), outcome)
          t.is(query.get('code'), null)
        }
        t.is(browser.cookies.size, 0)
        t.deepEqual(
          fake.requests.filter((made) => made.endpoint === 'redirected' || made.endpoint === 'unknown'),
          [],
        )
        t.is((await signIn(stage, provider, profile)).status, 200)
      },
    )
  }
}

test.serial('a provider that did not identify a user has created no user', async (t) => {
  for (const { app } of [patient, hasty]) {
    const subjects = await app.sql<{ subject: string }>('SELECT subject FROM identity')
    t.true(subjects.length > 0)
    for (const { subject } of subjects) t.regex(subject, /^(\d+|\{[\da-f-]{36}\}|spotify-\d+)$/)
  }
})

test.serial('a list of addresses that cannot be read is logged with its provider', async (t) => {
  patient.fake.fault('github', 'emails', 'status:403')
  await signIn(patient, 'github', anybody.github())
  patient.fake.fault('github', 'emails', null)
  const line = patient.app.logs.findLast(
    ({ msg }) => msg === 'the sign-in goes on without an optional answer',
  )
  t.is(line?.provider, 'github')
  t.regex(JSON.stringify(line), /resource: 403/)
})

test.serial('no fault of a provider is a fault of ours', (t) => {
  const logs = [...patient.app.logs, ...hasty.app.logs] as { status?: number; code?: string }[]
  t.deepEqual(
    logs.filter(({ status, code }) => status === 500 || code === 'server_error'),
    [],
  )
})

test.serial('a list of addresses of wrong types makes no address verified', async (t) => {
  const profile = anybody.github()
  patient.fake.fault('github', 'emails', 'wrong-types')
  const answer: Answer<{ id: string }> = await signIn(patient, 'github', profile)
  patient.fake.fault('github', 'emails', null)
  const rows = await patient.app.sql('SELECT email, email_verified FROM "user" WHERE id = $1', [
    answer.body.id,
  ])
  t.deepEqual(rows, [{ email: null, email_verified: false }])
})
