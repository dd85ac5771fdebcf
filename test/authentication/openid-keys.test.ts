import { createProviderKey } from '../_openid-provider.ts'
import test from '../_test.ts'
import { acmeUser, type OpenIdStage, signInAtAcme, startOpenIdStage } from './_openid.ts'
import { refused } from './_sign-in.ts'

const keyRequests = ({ peer }: OpenIdStage) =>
  peer.requests.filter(({ endpoint }) => endpoint === 'keys').length

test('a new key of the provider signs users in at once, before and after the old key is gone', async (t) => {
  const stage = await startOpenIdStage()
  t.teardown(stage.stop)
  t.is((await signInAtAcme(stage, acmeUser())).status, 200)
  stage.peer.rotate(await createProviderKey(), true)
  t.is((await signInAtAcme(stage, acmeUser())).status, 200)
  t.is(keyRequests(stage), 2)
})

test('an unknown kid requests the keys again at most once a minute, not counting the first request', async (t) => {
  const stage = await startOpenIdStage()
  t.teardown(stage.stop)
  const stranger = await createProviderKey()
  stage.peer.tamper({ idToken: (claims, sign) => sign(claims, { key: stranger }) })
  refused(t, await signInAtAcme(stage, acmeUser()), 502, 'provider_error')
  t.is(keyRequests(stage), 2)
  for (let round = 0; round < 3; round++)
    refused(t, await signInAtAcme(stage, acmeUser()), 502, 'provider_error')
  t.is(keyRequests(stage), 2)
  stage.peer.tamper({})
  // A provider that changes its key in that minute is known after it.
  stage.peer.rotate(await createProviderKey())
  refused(t, await signInAtAcme(stage, acmeUser()), 502, 'provider_error')
  t.is(keyRequests(stage), 2)
  stage.clock.ahead = 60_000
  stage.peer.tamper({
    idToken: (claims, sign) => {
      const now = Math.floor(Date.now() / 1000) + 60
      return sign({ ...claims, iat: now, exp: now + 60 })
    },
  })
  t.is((await signInAtAcme(stage, acmeUser())).status, 200)
  t.is(keyRequests(stage), 3)
})

test('sign-ins with a new key at the same time share the request of the keys', async (t) => {
  const stage = await startOpenIdStage()
  t.teardown(stage.stop)
  t.is((await signInAtAcme(stage, acmeUser())).status, 200)
  stage.peer.rotate(await createProviderKey())
  stage.peer.fault('keys', 'slow:300')
  const user = acmeUser()
  const answers = await Promise.all([1, 2, 3].map(() => signInAtAcme(stage, user)))
  t.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  )
  t.is(keyRequests(stage), 2)
})

test('a key that the provider no longer publishes is gone after ten minutes', async (t) => {
  const stage = await startOpenIdStage()
  t.teardown(stage.stop)
  const old = stage.peer.key
  t.is((await signInAtAcme(stage, acmeUser())).status, 200)
  stage.peer.rotate(await createProviderKey())
  const later = Math.floor(Date.now() / 1000) + 600
  stage.clock.ahead = 600_000
  stage.peer.tamper({
    idToken: (claims, sign) => sign({ ...claims, iat: later, exp: later + 60 }, { key: old }),
  })
  refused(t, await signInAtAcme(stage, acmeUser()), 502, 'provider_error')
})

test('keys of other uses and kinds in the JWKS stop no sign-in, and sign none', async (t) => {
  const stage = await startOpenIdStage()
  t.teardown(stage.stop)
  const { d: _, ...other } = await createProviderKey()
  const strange = [
    { kty: 'AKP', alg: 'ML-DSA-44', pub: 'x' },
    { kty: 'oct', k: 'AAAA', kid: 'secret' },
  ]
  stage.peer.tamper({ keys: (keys) => ({ keys: [...strange, { ...other, use: 'enc' }, ...keys] }) })
  t.is((await signInAtAcme(stage, acmeUser())).status, 200)
  for (const keys of [{ keys: {} }, { keys: [1] }, [], { keys: [{}] }]) {
    const own = await startOpenIdStage()
    own.peer.tamper({ keys: () => keys })
    refused(t, await signInAtAcme(own, acmeUser()), 502, 'provider_error')
    await own.stop()
  }
})
