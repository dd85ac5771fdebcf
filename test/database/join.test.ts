import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { createChannel } from '../../src/database/channel.ts'
import { lockDirectory } from '../../src/database/directory-lock.ts'
import { openEmbedded } from '../../src/database/embedded.ts'
import { greet, lockOrJoin, refuse } from '../../src/database/join.ts'
import { snapshotUrl } from '../../src/database/open.ts'
import { root } from '../_app.ts'
import test from '../_test.ts'
import { createFolder } from './_databases.ts'

const inUse = { name: 'DirectoryInUseError', message: /^Another process is using the data directory / }

test('a command of another release is rejected with both releases and the cure', async (t) => {
  const folder = await createFolder(t)
  const open = (isGateway: boolean, release: string) =>
    openEmbedded(folder, snapshotUrl(root), { isGateway, release })
  const gateway = await open(true, '1.0.0, schema 0012_a')
  await t.throwsAsync(open(false, '1.1.0, schema 0013_b'), {
    message:
      /^The gateway that has the data directory .* open is Claimgate 1\.0\.0, schema 0012_a, and this command is Claimgate 1\.1\.0, schema 0013_b\. Restart the gateway/,
  })
  await gateway.close()
})

test('a command waits for a gateway that starts', async (t) => {
  const folder = await createFolder(t)
  const lock = await lockDirectory(folder)
  const joining = lockOrJoin(folder, false, 'a', 60_000)
  await turn()
  lock.serve(greet('a', async (channel) => channel.send('served')))
  const holder = await joining
  if ('lock' in holder) return t.fail('the command has locked the directory')
  t.is(await holder.first.receive(), 'served')
  const again = await holder.join()
  t.is(await again.receive(), 'served')
  await lock.unlock()
  await t.throwsAsync(holder.join(), { code: 'ECONNRESET' })
})

for (const isGateway of [true, false]) {
  test(`a ${isGateway ? 'gateway' : 'command'} waits for a command that has the directory open, and fails when it takes too long`, async (t) => {
    const folder = await createFolder(t)
    const first = await lockOrJoin(folder, false, 'a', 0)
    if (!('lock' in first)) return t.fail('the directory was not free')
    let greetings = 0
    first.lock.serve((socket: Socket) => {
      greetings++
      refuse('a')(socket)
    })
    await t.throwsAsync(lockOrJoin(folder, isGateway, 'a', 0), inUse)
    const second = lockOrJoin(folder, isGateway, 'a', 60_000)
    greetings = 0
    while (greetings < 2) await turn()
    await first.lock.unlock()
    const holder = await second
    t.true('lock' in holder)
    if ('lock' in holder) await holder.lock.unlock()
  })
}

test('a holder that does not answer is reported as in use', async (t) => {
  const folder = await createFolder(t)
  const lock = await lockDirectory(folder)
  await t.throwsAsync(lockOrJoin(folder, false, 'a', 20), inUse)
  lock.serve((socket) => createChannel(socket).send('another protocol'))
  await t.throwsAsync(lockOrJoin(folder, false, 'a', 0), inUse)
  await lock.unlock()
})
