/** The settings of this gateway with which the values of former variables are compared. Lifetimes are in seconds. */
export type CurrentSettings = {
  defaultRole: string
  passwordMinLength: number
  accessTokenLifetime: number
  sessionIdleLifetime: number
}

/** A variable of another server: its value restricted something when `restricts` returns true. */
type Former = { server: string; restricts(value: string, current: CurrentSettings): boolean; cure: string }

/** The variables of other servers that were found: problems for a start, and warnings. */
export type FoundFormer = { problems: string[]; warnings: { name: string; detail: string; cure: string }[] }

const isOn = (value: string) => !/^(?:0|f|false|no|off)$/i.test(value)
const isOff = (value: string) => !/^(?:1|t|true|yes|on)$/i.test(value)
const isList = (value: string) => /[^\s,[\]"']/.test(value)
const isStrict = (value: string) => value !== 'disabled'
const isOtherRole = (value: string, { defaultRole }: CurrentSettings) => value !== defaultRole
const isLonger = (value: string, { passwordMinLength }: CurrentSettings) =>
  !(Number(value) <= passwordMinLength)
const isShorterToken = (unit: number) => (value: string, current: CurrentSettings) =>
  !(Number(value) * unit >= current.accessTokenLifetime)
const isShorterSession = (unit: number) => (value: string, current: CurrentSettings) =>
  !(Number(value) * unit >= current.sessionIdleLifetime)
const never = () => false

const noSignup = 'set AUTH_SIGNUP=false'
const byOperator = `${noSignup}, and make the users with claimgate user create`
const noList = `Claimgate has no list of addresses: ${byOperator}`
const noMail = `Claimgate sends no mail and signs in users with an unverified address: ${byOperator}`
const role = 'set AUTH_DEFAULT_ROLE'
const minLength = 'set AUTH_PASSWORD_MIN_LENGTH'
const breaches = 'set AUTH_PASSWORD_BREACH_URL=https://api.pwnedpasswords.com/range/'
const tokenLifetime = 'set AUTH_ACCESS_TOKEN_LIFETIME, in seconds'
const sessionLifetime = 'set AUTH_SESSION_IDLE_LIFETIME, in seconds'
const noPasswords = `Claimgate cannot close passwords alone: ${noSignup}, which also closes the first sign-in through a provider`
const noGateway = 'every route would be open: do not start Claimgate'
const limits = 'set AUTH_RATE_LIMIT and the limits after it; they are on without a variable'
const provider = 'set AUTH_<NAME>_… (AUTH_GITHUB_CLIENT_ID)'

const of = (server: string, rows: Record<string, [Former['restricts'], string]>) =>
  Object.entries(rows).map(([name, [restricts, cure]]) => [name, { server, restricts, cure }] as const)

/** The variables of other servers, by name. A name that ends in `*` stands for all names that begin so. */
const table: ReadonlyMap<string, Former> = new Map<string, Former>([
  ...of('hasura-auth', {
    AUTH_DISABLE_SIGNUP: [isOn, noSignup],
    AUTH_DISABLE_NEW_USERS: [isOn, byOperator],
    AUTH_ACCESS_CONTROL_ALLOWED_EMAILS: [isList, noList],
    AUTH_ACCESS_CONTROL_ALLOWED_EMAIL_DOMAINS: [isList, noList],
    AUTH_ACCESS_CONTROL_BLOCKED_EMAILS: [isList, noList],
    AUTH_ACCESS_CONTROL_BLOCKED_EMAIL_DOMAINS: [isList, noList],
    AUTH_ACCESS_CONTROL_ALLOWED_REDIRECT_URLS: [isList, 'set AUTH_REDIRECT_ORIGINS'],
    AUTH_ACCESS_CONTROL_ALLOW_LIST: [isList, noList],
    AUTH_ACCESS_CONTROL_BLOCK_LIST: [isList, noList],
    AUTH_ALLOWED_EMAIL_DOMAINS: [isList, noList],
    AUTH_WHITELIST_ENABLED: [isOn, noList],
    AUTH_EMAIL_SIGNIN_EMAIL_VERIFIED_REQUIRED: [isOn, noMail],
    AUTH_SIGNIN_EMAIL_VERIFIED_REQUIRED: [isOn, noMail],
    AUTH_USER_DEFAULT_ROLE: [isOtherRole, role],
    AUTH_DEFAULT_USER_ROLE: [isOtherRole, role],
    AUTH_PASSWORD_HIBP_ENABLED: [isOn, breaches],
    AUTH_HIBP_ENABLED: [isOn, breaches],
    AUTH_MIN_PASSWORD_LENGTH: [isLonger, minLength],
    AUTH_REQUIRE_ELEVATED_CLAIM: [
      isStrict,
      'a change of the ways to sign in always needs a fresh sign-in (AUTH_FRESH_SECONDS); security keys and the claim x-hasura-auth-elevated do not exist',
    ],
    AUTH_TURNSTILE_SECRET: [isList, `Claimgate has no captcha: ${noSignup}, or rely on AUTH_SIGNUP_ATTEMPTS`],
    AUTH_ACCESS_TOKEN_EXPIRES_IN: [isShorterToken(1), tokenLifetime],
    AUTH_REFRESH_TOKEN_EXPIRES_IN: [isShorterSession(1), sessionLifetime],
    AUTH_MFA_ENABLED: [never, 'there is no second factor; claimgate import lists the users who had one'],
    AUTH_ANONYMOUS_USERS_ENABLED: [never, 'there are no anonymous users'],
    AUTH_CONCEAL_ERRORS: [never, 'errors never tell whether a user exists'],
    AUTH_USER_DEFAULT_ALLOWED_ROLES: [never, 'grant further roles with claimgate role grant'],
    AUTH_JWT_CUSTOM_CLAIMS: [never, 'set claims with claimgate claims set'],
    AUTH_SERVER_URL: [never, 'set AUTH_PUBLIC_URL'],
    AUTH_CLIENT_URL: [never, 'set AUTH_REDIRECT_ORIGINS'],
    AUTH_PORT: [never, 'set PORT'],
    AUTH_HOST: [never, 'set HOST'],
    AUTH_LOG_LEVEL: [never, 'set LOG_LEVEL'],
    'AUTH_RATE_LIMIT_*': [never, limits],
    'AUTH_PROVIDER_*': [never, provider],
  }),
  ...of('hasura-backend-plus', {
    ALLOWED_EMAIL_DOMAINS: [isList, noList],
    AUTO_ACTIVATE_NEW_USERS: [isOff, byOperator],
    VERIFY_EMAILS: [isOn, noMail],
    ADMIN_ONLY_REGISTRATION: [isOn, byOperator],
    AUTH_LOCAL_USERS_ENABLE: [isOff, noPasswords],
    AUTH_LOCAL_USERS_ENABLED: [isOff, noPasswords],
    AUTH_ENABLE: [isOff, noGateway],
    AUTH_ENABLED: [isOff, noGateway],
    DEFAULT_USER_ROLE: [isOtherRole, role],
    HIBP_ENABLE: [isOn, breaches],
    MIN_PASSWORD_LENGTH: [isLonger, minLength],
    JWT_EXPIRES_IN: [isShorterToken(60), tokenLifetime],
    JWT_REFRESH_EXPIRES_IN: [isShorterSession(60), sessionLifetime],
    REGISTRATION_CUSTOM_FIELDS: [never, 'write further columns to a table of your own after the sign-up'],
  }),
])

/** The names of the table, for the guide. */
export const formerNames: readonly string[] = [...table.keys()]

/**
 * Finds variables of other servers. A value that restricted something there is a problem, because a start without the
 * restriction would open what was closed; any other value is a warning. Messages omit the values. `known` are the
 * variables of this gateway.
 */
export function findFormer(
  env: Record<string, string | undefined>,
  known: ReadonlySet<string>,
  current: CurrentSettings,
): FoundFormer {
  const found: FoundFormer = { problems: [], warnings: [] }
  for (const name of Object.keys(env)) {
    const former = known.has(name) ? undefined : findVariable(name)
    if (former === undefined) continue
    const { server, restricts, cure } = former
    const value = (env[name] ?? '')
      .trim()
      .replace(/^(["'])(.*)\1$/s, '$2')
      .trim()
    if (value !== '' && restricts(value, current))
      found.problems.push(`${name} of ${server} restricts nothing here: ${cure}. Then remove ${name}`)
    else found.warnings.push({ name, detail: `is a variable of ${server}, and has no effect`, cure })
  }
  return found
}

/** Returns true for a variable of another server. */
export function isFormer(name: string): boolean {
  return findVariable(name) !== undefined
}

function findVariable(name: string): Former | undefined {
  const exact = table.get(name)
  if (exact !== undefined) return exact
  const start = formerNames.find((each) => each.endsWith('*') && name.startsWith(each.slice(0, -1)))
  return start === undefined ? undefined : table.get(start)
}
