import fc from 'fast-check'
import { createUsernameSchema, suggestUsernames, usernameSchema } from '../../src/authentication/username.ts'
import type { ProfileIdentity } from '../../src/context.ts'
import { appTest, quick } from '../_app.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'

const rules = { usernameAt: true }
const accepts = (name: unknown) => usernameSchema.safeParse(name).success
const awkward = [
  ' ',
  '\n',
  '\0',
  '\u200f',
  '\u202e',
  '\ufeff',
  '\ufdfa',
  '\ufb01',
  '𝄞',
  'é',
  '\ud800',
  '@',
  'A',
]
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...awkward), maxLength: 600 }),
  fc.string({ unit: 'binary', minLength: 190, maxLength: 300 }),
)

test('a username that is accepted has 1 to 255 characters, no control among them, no space around, and is kept as it is', (t) => {
  fc.assert(
    fc.property(text, (name) => {
      const result = usernameSchema.safeParse(name)
      if (!result.success) return
      t.is(result.data, name)
      t.true([...name].length >= 1 && [...name].length <= 255)
      t.notRegex(name, /[\p{Cc}\p{Surrogate}\u200e\u200f\u202a-\u202e\u2066-\u2069]|^\s|\s$/u)
    }),
    { numRuns: 200 },
  )
})

test('usernames that people have are accepted', (t) => {
  for (const name of [
    'a',
    'test123',
    'Zoë',
    'mary-jane',
    'o\u2019neill',
    'a b',
    '李雷',
    'عمر',
    '👩‍👩‍👧',
    'می\u200cخواهم',
    'نام\u200cها',
    'بَ\u200cن',
    '❤\ufe0f',
    '❤\ufe0f\u200d🔥',
    '👍🏽',
    '1\ufe0f\u20e3',
    '©\ufe0f',
    'route #1 *',
    'me@x.test',
  ]) {
    t.true(accepts(name), name)
  }
})

const wrong: [what: string, name: unknown][] = [
  ...[0x00ad, 0x034f, 0x061c, 0x115f, 0x200b, 0x200c, 0x200d, 0x2060, 0x2800, 0x3164, 0xfeff, 0xffa0].map(
    (mark): [string, unknown] => [
      `has the invisible U+${mark.toString(16)}`,
      `mal${String.fromCodePoint(mark)}lory`,
    ],
  ),
  ...[
    'ada1\ufe0f',
    '#\ufe0f',
    'a*\ufe0f',
    '1\u20e3',
    '😀\ufe0f',
    'ada\ufe0f',
    '❤\u200d🔥',
    '😀\u200d😀',
    '👩\u200d',
    '🏽\ufe0f',
  ].map((name): [string, unknown] => [
    `looks like another one without a selector or joiner: ${escape(name)}`,
    name,
  ]),
  ...[
    'عمر\u200c',
    '\u200cعمر',
    'دا\u200cر',
    'ا\u200cب',
    'ب\u200cء',
    'ب\u200c\u200cن',
    'ب\u200c1',
    '۱\u200c۲',
    'क\u200cख',
  ].map((name): [string, unknown] => [
    `has a non-joiner between letters that do not join: ${escape(name)}`,
    name,
  ]),
  ['is empty', ''],
  ['is blank', '  '],
  ['begins with a space', ' a'],
  ['ends with a line', 'a\n'],
  ['has a NUL', 'a\0b'],
  ['has half of a surrogate pair', 'a\ud800'],
  ['turns the text around it', 'a\u202eb'],
  ['has a line separator', 'a\u2028b'],
  ['has 256 characters', '𝄞'.repeat(256)],
  ['has 256 characters once it is normalised', '\ufdfa'.repeat(15)],
  ['is no text', 1],
  ['is null', null],
]
for (const [what, name] of wrong) {
  test(`a username that ${what} is refused`, (t) => {
    t.false(accepts(name))
  })
}

const withoutAt = { usernameAt: false }
for (const name of ['ada@example.com', '@', 'a＠b', 'a﹫b']) {
  test(`a username with an @ is refused by AUTH_USERNAME_AT=false alone: ${name}`, (t) => {
    t.true(accepts(name))
    const { error } = createUsernameSchema(withoutAt).safeParse(name)
    t.deepEqual(
      error?.issues.map(({ message }) => message),
      ['must not have an @'],
    )
    const profile = { provider: 'github', subject: '1', username: name, email: 'anna@example.com' }
    for (const suggested of suggestUsernames(profile, 'github', withoutAt)) t.regex(suggested, /^anna/)
  })
}

test(
  'AUTH_USERNAME_AT=false closes sign-up with an @, and existing users with one sign in',
  appTest({ engine: quick, env: { AUTH_USERNAME_AT: 'false' } }, async (t, app) => {
    const body = (username: string) => ({
      username,
      password: 'correct horse',
      confirmPassword: 'correct horse',
    })
    const answer = await app.post('/signup', body('ada@example.com'))
    refused(t, answer, 422, 'validation_failed')
    t.deepEqual(answer.body.errors, [{ field: 'username', rule: 'at_sign', detail: 'must not have an @' }])
    for (const name of ['ada@example.com', 'ada1\ufe0f', 'ا\u200cب']) {
      const { id } = await app.signup('for now')
      await app.sql('UPDATE "user" SET username = $1 WHERE id = $2', [name, id])
      t.is((await app.login(name)).body.id, id)
    }
  }),
)

const profiles: fc.Arbitrary<ProfileIdentity> = fc
  .record({
    subject: text.filter((subject) => subject !== ''),
    username: fc.option(text, { nil: undefined }),
    email: fc.option(fc.oneof(text, fc.emailAddress()), { nil: undefined }),
  })
  .map((profile) => profile as ProfileIdentity)

test('suggestUsernames suggests five or six usernames, all acceptable, whatever a provider says', (t) => {
  fc.assert(
    fc.property(profiles, (profile) => {
      const names = [...suggestUsernames(profile, 'github', rules)]
      t.true(names.length >= 5 && names.length <= 6)
      for (const name of names) t.true(accepts(name), JSON.stringify(name))
    }),
    { numRuns: 200 },
  )
})

test('suggestUsernames begins with what the person is called there, then their address, then the subject', (t) => {
  const first = (profile: ProfileIdentity) => suggestUsernames(profile, 'github', rules).next().value
  const email = 'anna@example.com'
  t.is(first({ subject: '1', username: 'Anna', email }), 'Anna')
  t.is(first({ subject: '1', username: ' Anna ', email }), 'Anna')
  t.is(first({ subject: '1', username: '\u202e', email }), 'anna')
  t.is(first({ subject: '1', email }), 'anna')
  t.regex(first({ subject: '1' }) ?? '', /^github-1-[0-9a-f]{6}$/)
})

test.serial(
  'PostgreSQL stores every accepted username and its normalised form',
  appTest({ engine: quick }, async (t, app) => {
    await fc.assert(
      fc.asyncProperty(text.filter(accepts), async (name) => {
        const rows = await app.sql(
          `INSERT INTO "user" (username) VALUES ($1) ON CONFLICT (username_key(username)) DO UPDATE SET active = true
         RETURNING username_key(username) = username_key($1) AS found, length(normalize(username, NFKC)) <= 255 AS fits`,
          [name],
        )
        t.deepEqual(rows, [{ found: true, fits: true }])
      }),
    )
  }),
)
