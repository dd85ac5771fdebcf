import { parseConfig } from '../../src/config/config.ts'
import { formerNames } from '../../src/config/former-variables.ts'
import { findWarnings } from '../../src/config/warnings.ts'
import { ConfigError } from '../../src/errors.ts'
import test from '../_test.ts'

/** Returns the problems that an environment has. */
function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parseConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

/** Values that restricted something at the other server, and values that did not. */
const values: Record<string, { restricting: string[]; harmless: string[]; cure: RegExp }> = {
  AUTH_DISABLE_SIGNUP: {
    restricting: ['true', 'True', '1', '"true"', 'perhaps'],
    harmless: ['false', 'False', '0', '', ' '],
    cure: /AUTH_SIGNUP=false/,
  },
  AUTH_DISABLE_NEW_USERS: { restricting: ['true'], harmless: ['false', ''], cure: /AUTH_SIGNUP=false/ },
  AUTH_ACCESS_CONTROL_ALLOWED_EMAIL_DOMAINS: {
    restricting: ['a.test', 'a.test,b.test', '["a.test"]'],
    harmless: ['', ' , ', '[]'],
    cure: /no list of addresses: set AUTH_SIGNUP=false/,
  },
  AUTH_ACCESS_CONTROL_ALLOWED_REDIRECT_URLS: {
    restricting: ['https://app.test'],
    harmless: [''],
    cure: /AUTH_REDIRECT_ORIGINS/,
  },
  AUTH_EMAIL_SIGNIN_EMAIL_VERIFIED_REQUIRED: {
    restricting: ['true'],
    harmless: ['false'],
    cure: /AUTH_SIGNUP/,
  },
  AUTH_USER_DEFAULT_ROLE: { restricting: ['driver'], harmless: ['user'], cure: /AUTH_DEFAULT_ROLE/ },
  AUTH_PASSWORD_HIBP_ENABLED: {
    restricting: ['true'],
    harmless: ['false'],
    cure: /AUTH_PASSWORD_BREACH_URL=https/,
  },
  AUTH_REQUIRE_ELEVATED_CLAIM: {
    restricting: ['required', 'recommended'],
    harmless: ['disabled'],
    cure: /AUTH_FRESH_SECONDS/,
  },
  AUTH_ACCESS_TOKEN_EXPIRES_IN: {
    restricting: ['300', 'soon'],
    harmless: ['900', '3600'],
    cure: /AUTH_ACCESS_TOKEN_LIFETIME/,
  },
  ALLOWED_EMAIL_DOMAINS: { restricting: ['a.test'], harmless: [''], cure: /AUTH_SIGNUP=false/ },
  AUTO_ACTIVATE_NEW_USERS: { restricting: ['false', '0'], harmless: ['true', ''], cure: /AUTH_SIGNUP=false/ },
  VERIFY_EMAILS: { restricting: ['true'], harmless: ['false'], cure: /AUTH_SIGNUP=false/ },
  MIN_PASSWORD_LENGTH: { restricting: ['12'], harmless: ['3', '4'], cure: /AUTH_PASSWORD_MIN_LENGTH/ },
  JWT_EXPIRES_IN: { restricting: ['5'], harmless: ['15'], cure: /AUTH_ACCESS_TOKEN_LIFETIME/ },
}

for (const [name, { restricting, harmless, cure }] of Object.entries(values)) {
  test(`${name}: a value that restricted something ends the start with the cure, any other one is a warning`, (t) => {
    for (const value of restricting) {
      const [problem = '', ...others] = problemsOf({ [name]: value })
      t.regex(problem, new RegExp(`^${name} of hasura-\\S+ restricts nothing here: `), value)
      t.regex(problem, cure)
      t.regex(problem, new RegExp(`remove ${name}$`))
      t.deepEqual(others, [])
    }
    for (const value of harmless) {
      const config = parseConfig({ [name]: value })
      const [warning] = findWarnings(config)
      t.is(warning?.name, name, value)
      t.regex(warning?.cure ?? '', cure)
      t.deepEqual(config.unknownVariables, [])
    }
  })
}

test('the value of a former variable is in no message', (t) => {
  for (const each of formerNames) {
    const name = each.replace('*', 'X')
    const secret = 'hidden-value'
    const problems = problemsOf({ [name]: secret })
    t.false(problems.join().includes(secret), name)
    if (problems.length === 0)
      t.false(JSON.stringify(findWarnings(parseConfig({ [name]: secret }))).includes(secret), name)
  }
})

test('every former variable is a problem or a warning with a cure, and none is a variable of the gateway', (t) => {
  for (const each of formerNames) {
    const name = each.replace('*', 'X')
    const problems = problemsOf({ [name]: '' })
    t.deepEqual(problems, [], name)
    const config = parseConfig({ [name]: '' })
    t.deepEqual(
      config.formerVariables.map((variable) => variable.name),
      [name],
    )
    t.not(config.formerVariables[0]?.cure, '')
  }
})

test('a former value is compared with the settings that replace it', (t) => {
  t.deepEqual(problemsOf({ AUTH_USER_DEFAULT_ROLE: 'member', AUTH_DEFAULT_ROLE: 'member' }), [])
  t.deepEqual(problemsOf({ AUTH_ACCESS_TOKEN_EXPIRES_IN: '300', AUTH_ACCESS_TOKEN_LIFETIME: '300' }), [])
  t.deepEqual(problemsOf({ MIN_PASSWORD_LENGTH: '12', AUTH_PASSWORD_MIN_LENGTH: '12' }), [])
  t.is(problemsOf({ AUTH_USER_DEFAULT_ROLE: 'user', AUTH_DEFAULT_ROLE: 'member' }).length, 1)
})

test('several former variables are reported at once, beside other problems', (t) => {
  const problems = problemsOf({ AUTH_DISABLE_SIGNUP: 'true', ALLOWED_EMAIL_DOMAINS: 'a.test', PORT: 'x' })
  t.deepEqual(problems.map((problem) => problem.split(' ')[0]).sort(), [
    'ALLOWED_EMAIL_DOMAINS',
    'AUTH_DISABLE_SIGNUP',
    'PORT',
  ])
})
