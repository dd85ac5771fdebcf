import { setTimeout as sleep } from 'node:timers/promises'
import { decodeProtectedHeader } from 'jose'
import type { GatewayProcess } from '../_process.ts'
import { ask, besideGateway, createDeployment, signIn } from './_command.ts'

type Jwks = { keys: { kid: string }[] }

async function published(gateway: GatewayProcess): Promise<string[]> {
  const { body } = await ask<Jwks>(gateway, '/jwks')
  return body.keys.map(({ kid }) => kid)
}

/** Waits until a gateway has applied a change. Throws after half a minute. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000
  while (!(await isTrue())) {
    if (Date.now() > end) throw new Error('the gateway has not noticed')
    await sleep(50)
  }
}

besideGateway(
  'a running gateway publishes a rotated key within seconds, and then signs with it',
  async (t) => {
    const d = await createDeployment('server', { env: { AUTH_JWKS_MAX_AGE: '1' } })
    t.teardown(() => d.close())
    const gateway = await d.gateway()
    t.teardown(() => gateway.stop())
    await d.json('user create alice --password-stdin', { input: 'correct horse' })
    const signs = async () => decodeProtectedHeader((await signIn(gateway, 'alice')).token).kid as string
    const [first = ''] = await published(gateway)
    t.is(await signs(), first)

    const next = await d.json('keys rotate')
    await until(async () => (await published(gateway)).includes(next.kid))
    await until(async () => (await signs()) === next.kid)
    t.true(Date.now() >= Date.parse(next.signsAt))
    t.deepEqual((await published(gateway)).sort(), [first, next.kid].sort())

    const { token } = await signIn(gateway, 'alice')
    const at = await d.json('keys rotate --now')
    t.is(at.retired, next.kid)
    await until(async () => (await signs()) === at.kid)
    t.is((await ask(gateway, '/user', { token })).status, 200)

    t.like(await d.failure(`keys retire ${at.kid}`), { code: 'active_key', exit: 1 })
    await d.json(`keys retire ${next.kid}`)
    await until(async () => !(await published(gateway)).includes(next.kid))
    t.is((await ask(gateway, '/user', { token })).status, 401)
  },
)
