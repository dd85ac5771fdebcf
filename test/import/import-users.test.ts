import { importUsers } from '../../src/import/import-users.ts'
import { type ChangeCode, createProblemList } from '../../src/import/problems.ts'
import type { SourceUser } from '../../src/import/read-users.ts'
import type { ImportedUser, ImportTarget } from '../../src/stores/import-target.ts'
import test from '../_test.ts'

const source = (id: string): SourceUser => ({
  id,
  username: `name of ${id}`,
  password: null,
  email: null,
  emailVerified: false,
  active: true,
  anonymous: false,
  defaultRole: null,
  createdAt: null,
  secondFactor: null,
  roles: [],
  identities: [],
})

/** A target in memory. Before each write, another user takes the next name of `rivals`, while there is one. */
function createTarget(rivals: string[]): ImportTarget & { written: ImportedUser[][] } {
  const names = new Map<string, string>()
  const written: ImportedUser[][] = []
  return {
    written,
    readRoles: async () => new Set(),
    read: async (users) => ({
      owners: [],
      standings: new Map(
        users.map(({ id, username }) => [
          id,
          {
            id,
            usernameKey: username,
            emailKey: null,
            isPresent: names.get(username) === id,
            hasPassword: false,
            usernameOwner: names.get(username) ?? null,
            emailOwner: null,
          },
        ]),
      ),
    }),
    write: async (users) => {
      const rival = rivals.shift()
      if (rival !== undefined) names.set(rival, 'a rival')
      if (users.some(({ username }) => names.has(username))) return null
      for (const { id, username } of users) names.set(username, id)
      written.push([...users])
      return { users: users.length, roles: 0, grants: 0, identities: 0 }
    },
  }
}

async function run(rivals: string[], ids: string[], changes: Partial<SourceUser> = {}) {
  const target = createTarget(rivals)
  const problems = createProblemList(10)
  const pages = (async function* () {
    yield ids.map((id) => ({ ...source(id), ...changes }))
  })()
  const rules = {
    defaultRole: 'user',
    isRoleChosen: false,
    inactiveWithSecondFactor: false,
    refuseUsername: () => null,
    isPasswordHash: () => true,
    findExcessiveCost: () => null,
  }
  const counts = await importUsers({
    pages,
    target,
    rules,
    problems,
    changes: createProblemList<ChangeCode>(10),
    onProgress: () => {},
  })
  return { counts, target, problems: problems.summary() }
}

test('a user who signs up between plan and write keeps the name, and all other users are imported', async (t) => {
  const { counts, target, problems } = await run(['name of b'], ['a', 'b', 'c'])
  t.like(counts.users, { read: 3, imported: 2, refused: 1 })
  t.deepEqual(
    target.written.map((users) => users.map(({ id }) => id)),
    [['a', 'c']],
  )
  t.deepEqual(problems.counts, { username_taken: 1 })
})

test('when other users take names before each attempt, the import stops and says what to do', async (t) => {
  const rivals = ['a', 'b', 'c'].map((id) => `name of ${id}`)
  await t.throwsAsync(run(rivals, ['a', 'b', 'c', 'd']), { message: /Run the import again/ })
})

test('users with thousands of roles are written in batches of few users', async (t) => {
  const roles = Array.from({ length: 2000 }, (_, index) => `role${index}`)
  const { counts, target } = await run([], ['a', 'b', 'c', 'd', 'e'], { roles })
  t.is(counts.users.imported, 5)
  t.deepEqual(
    target.written.map((users) => users.length),
    [2, 2, 1],
  )
})
