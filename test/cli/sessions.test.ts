import type { GatewayProcess } from '../_process.ts'
import test from '../_test.ts'
import { ask, besideGateway, createDeployment, signIn, type TestDeployment, thorough } from './_command.ts'

let d: TestDeployment
let gateway: GatewayProcess
test.before('start', async () => {
  d = await createDeployment(thorough)
  await d.json('user create alice --password-stdin', { input: 'correct horse' })
  if (thorough === 'server') gateway = await d.gateway()
})
test.after.always('stop', async () => {
  await gateway?.stop()
  await d?.close()
})

besideGateway('session revoke is seen by a running gateway at once', async (t) => {
  const [kept, ended] = [await signIn(gateway, 'alice'), await signIn(gateway, 'alice')]
  const { body: own } = await ask<{ id: string; current: boolean }[]>(gateway, '/user/sessions', {
    token: ended.token,
  })
  const id = own.find(({ current }) => current)?.id
  const { sessions } = await d.json('session list alice')
  t.is(sessions.length, 2)
  t.like(
    sessions.find((session: { id: string }) => session.id === id),
    { address: '127.0.0.1', userAgent: 'node' },
  )

  t.deepEqual(await d.json(`session revoke ${id}`), { revoked: 1 })
  t.is((await ask(gateway, '/user', { token: ended.token })).status, 401)
  t.is((await ask(gateway, '/token', { body: { refreshToken: ended.refreshToken } })).status, 401)
  t.is((await ask(gateway, '/user', { token: kept.token })).status, 200)
  t.like(await d.failure(`session revoke ${id}`), { code: 'session_not_found', exit: 66 })

  await signIn(gateway, 'alice')
  const first = await d.json('session list alice --limit 1')
  const second = await d.json(`session list alice --limit 1 --after ${first.next}`)
  t.deepEqual([first.sessions.length, second.sessions.length, second.next], [1, 1, null])
  t.not(first.sessions[0].id, second.sessions[0].id)
  t.regex(
    (await d.run('session list alice --limit 1')).stdout,
    /\nNext page: claimgate session list [0-9a-f-]{36} --after \d+_[0-9a-f-]{36}\n$/,
  )
  t.like(await d.failure('session list alice --after 1'), { code: 'usage', exit: 64 })
  t.deepEqual(await d.json(`session revoke ${first.sessions[0].id}`), { revoked: 1 })

  const { stdout } = await d.run('session list alice')
  t.regex(stdout, /^ID +ADDRESS +CREATED +LAST USED +EXPIRES +DEVICE\n[^\n]+node\n$/)
  t.is((await d.run('session revoke --all alice')).stdout, 'Ended 1 session of "alice".\n')
  t.is((await ask(gateway, '/user', { token: kept.token })).status, 401)
  t.is((await d.run('session list alice')).stdout, 'No sessions.\n')
})

const endings: [string, string | undefined][] = [
  ['user set-password alice --password-stdin', 'correct horse'],
  ['user deactivate alice', undefined],
  ['user delete alice --yes', undefined],
]
for (const [command, input] of endings) {
  besideGateway(`${command} ends the sessions of the user`, async (t) => {
    const { token, refreshToken } = await signIn(gateway, 'alice')
    t.is((await ask(gateway, '/user', { token })).status, 200)
    await d.json(command, input === undefined ? {} : { input })
    t.is((await ask(gateway, '/user', { token })).status, 401)
    t.is((await ask(gateway, '/token', { body: { refreshToken } })).status, 401)
    if (command.includes('deactivate')) await d.json('user activate alice')
  })
}
