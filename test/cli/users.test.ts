import test from '../_test.ts'
import { createDeployment, type TestDeployment, thorough } from './_command.ts'

let d: TestDeployment
test.before('start', async () => {
  d = await createDeployment(thorough)
  for (const name of ['Alice', 'carol', 'Bob', 'dave'])
    await d.json(`user create ${name} --password-stdin --email ${name}@b.test`, { input: 'correct horse' })
})
test.after.always('stop', () => d?.close())

test.serial('user show finds a user by name in any case and by id, and shows no hash', async (t) => {
  const shown = await d.json('user show ALICE')
  t.like(shown, {
    username: 'Alice',
    email: 'Alice@b.test',
    emailVerified: false,
    active: true,
    hasPassword: true,
    defaultRole: null,
    roles: [],
    identities: [],
    sessions: 0,
  })
  t.deepEqual(await d.json(`user show ${shown.id}`), shown)
  t.deepEqual(await d.json("user show ' alice '"), shown)
  t.deepEqual(await d.json(`user show ${shown.id.toUpperCase()}`), shown)
  const { stdout } = await d.run('user show alice')
  t.regex(stdout, /^username {6}Alice$/m)
  t.regex(stdout, /^default role {2}user \(of the deployment\)$/m)
  t.notRegex(stdout + JSON.stringify(shown), /\$2b\$/)
})

test.serial('an id finds its user, although another user has it as username', async (t) => {
  const { id } = await d.json('user show alice')
  const impostor = await d.json(`user create ${id} --password-stdin`, { input: 'correct horse' })
  t.is((await d.json(`user show ${id}`)).username, 'Alice')
  t.is((await d.json(`user delete ${impostor.id} --yes`)).username, id)
  t.is((await d.json('user show alice')).id, id)
})

test.serial('user list goes through all users in pages, by name', async (t) => {
  const first = await d.json('user list --limit 2')
  t.deepEqual(names(first), ['Alice', 'Bob'])
  t.is(first.next, 'Bob')
  const second = await d.json(`user list --limit 2 --after ${first.next}`)
  t.deepEqual(names(second), ['carol', 'dave'])
  t.is(second.next, null)
  t.deepEqual(await d.json('user list --after zoe'), { users: [], next: null })
  const { stdout } = await d.run('user list --limit 1')
  t.regex(stdout, /^ID +USERNAME +E-MAIL +ACTIVE +ROLES +CREATED\n\S+ {2}Alice +Alice@b\.test +yes +- +20/)
  t.regex(stdout, /Next page: claimgate user list --after Alice\n$/)
})

test.serial('deactivate and activate say whether they changed anything', async (t) => {
  t.like(await d.json('user deactivate BOB'), { username: 'Bob', active: false, changed: true })
  t.like(await d.json('user deactivate bob'), { active: false, changed: false })
  t.like(await d.failure('claims preview bob'), { code: 'user_inactive', exit: 1 })
  t.like(await d.json('user activate bob'), { active: true, changed: true })
  t.is((await d.run('user activate bob')).stdout, '"Bob" was already active.\n')
})

test.serial('user delete needs --yes without a terminal', async (t) => {
  t.like(await d.failure('user delete bob'), { code: 'usage', exit: 64 })
  t.is((await d.json('user show bob')).username, 'Bob')
  t.like(await d.json('user delete bob --yes'), { username: 'Bob' })
  t.like(await d.failure('user delete bob --yes'), { code: 'user_not_found', exit: 66 })
})

test.serial('usernames that could move the cursor are printed harmlessly', async (t) => {
  await d.sql(`INSERT INTO "user" (username) VALUES (E'evil\\x1b[2J\\nname')`)
  const { stdout } = await d.run('user list')
  t.true(stdout.includes('evil\\u{1b}[2J\\u{a}name'))
  t.true(names(await d.json('user list')).includes('evil\x1b[2J\nname'))
})

function names({ users }: { users: { username: string }[] }): string[] {
  return users.map(({ username }) => username)
}
