/** The values of `sslmode`: libpq's, and `no-verify` of node-postgres. */
export const sslmodes = [
  'disable',
  'allow',
  'prefer',
  'require',
  'no-verify',
  'verify-ca',
  'verify-full',
] as const

export type Sslmode = (typeof sslmodes)[number]

// libpq has three more, which choose a standby. The gateway writes.
const targets = ['any', 'read-write', 'primary'] as const

/** The servers that a connection string with several hosts means. */
export type Target = (typeof targets)[number]

/** The parameters of a connection string, apart from the server's address. */
export type ConnectionParameters = {
  tls: {
    mode: Sslmode | undefined
    rootcert: string | undefined
    cert: string | undefined
    key: string | undefined
    passphrase: string | undefined
    negotiation: 'postgres' | 'direct'
  }
  channelBinding: boolean
  /** Seconds. */
  connectTimeout: number | undefined
  applicationName: string | undefined
  target: Target | undefined
  /** The schema of the gateway's tables; undefined for the first schema of the search_path. */
  schema: string | undefined
  /** The server settings in `options`. They apply to a direct connection only. */
  session: Record<string, string>
}

/** An error of a connection string. The message completes "DATABASE_URL …" and has no part of a password. */
export class ConnectionStringError extends Error {}

// The parameters that the parser of the address reads.
const ofAddress = ['host', 'port', 'user', 'password', 'dbname']

const supported = new Set([
  ...ofAddress,
  ...['sslmode', 'ssl', 'sslaccept', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslnegotiation'],
  ...['channel_binding', 'connect_timeout', 'application_name', 'target_session_attrs', 'schema', 'options'],
  // Without an effect here: poolers are detected, names and encryption are decided otherwise.
  ...['pgbouncer', 'uselibpqcompat', 'fallback_application_name', 'client_encoding', 'gssencmode'],
])

/** Returns true for a name of a parameter that is supported. */
export const isSupported = (name: string): boolean => supported.has(name)

const pool = 'set AUTH_DATABASE_POOL instead'
const timeout = 'set AUTH_DATABASE_TIMEOUT instead'

/** The replacements for parameters of Prisma, node-postgres and libpq. */
const replacements: Record<string, string> = {
  connection_limit: pool,
  max: pool,
  pool_timeout: timeout,
  socket_timeout: timeout,
  statement_timeout: timeout,
  query_timeout: timeout,
  lock_timeout: timeout,
  statement_cache_size: 'remove it: behind a pooler no statement is prepared',
  sslidentity: 'set sslcert and sslkey to PEM files instead',
  hostaddr: 'set host instead',
  service: 'write its settings into the URL',
  passfile: 'set PGPASSFILE instead',
}

/** Reads the parameters. Throws ConnectionStringError for an unknown parameter or an invalid value. */
export function readParameters(given: ReadonlyMap<string, string>): ConnectionParameters {
  for (const name of given.keys())
    if (!isSupported(name))
      throw new ConnectionStringError(
        `has the parameter ${name}, which is not supported: ${Object.hasOwn(replacements, name) ? replacements[name] : 'remove it'}`,
      )
  const oneOf = <const T extends string>(name: string, values: readonly T[]): T | undefined => {
    const value = given.get(name)
    if (value === undefined || (values as readonly string[]).includes(value)) return value as T | undefined
    throw new ConnectionStringError(`has an unknown ${name}; it must be one of ${values.join(', ')}`)
  }
  oneOf('gssencmode', ['disable', 'prefer'])
  oneOf('client_encoding', ['utf8', 'UTF8', 'auto'])
  return {
    tls: {
      mode: readSslmode(oneOf, given),
      rootcert: given.get('sslrootcert'),
      cert: given.get('sslcert'),
      key: given.get('sslkey'),
      passphrase: given.get('sslpassword'),
      negotiation: oneOf('sslnegotiation', ['postgres', 'direct']) ?? 'postgres',
    },
    channelBinding: oneOf('channel_binding', ['disable', 'prefer', 'require']) === 'require',
    connectTimeout: readSeconds(given.get('connect_timeout')),
    applicationName: given.get('application_name'),
    target: oneOf('target_session_attrs', targets),
    schema: readSchema(given.get('schema')),
    session: readOptions(given.get('options') ?? ''),
  }
}

type OneOf = <const T extends string>(name: string, values: readonly T[]) => T | undefined

function readSslmode(oneOf: OneOf, given: ReadonlyMap<string, string>): Sslmode | undefined {
  const accept = oneOf('sslaccept', ['strict', 'accept_invalid_certs'])
  const ssl = oneOf('ssl', ['true', '1', 'false', '0', 'no-verify'])
  const mode = oneOf('sslmode', sslmodes)
  if (mode === 'verify-ca' && !given.has('sslrootcert'))
    throw new ConnectionStringError('has sslmode=verify-ca without sslrootcert: add it, or use verify-full')
  // Any owner of any domain has a certificate of these authorities.
  if (given.get('sslrootcert') === 'system' && mode !== undefined && mode !== 'verify-full')
    throw new ConnectionStringError(`has sslrootcert=system with sslmode=${mode}: use verify-full`)
  if (given.get('sslnegotiation') === 'direct' && !/^(require|no-verify|verify-.*)$/.test(mode ?? ''))
    throw new ConnectionStringError('has sslnegotiation=direct: add sslmode=require or sslmode=verify-full')
  if (mode !== undefined) return accept === 'strict' && mode === 'require' ? 'verify-full' : mode
  if (ssl !== undefined) return ssl === 'no-verify' ? ssl : /true|1/.test(ssl) ? 'verify-full' : 'disable'
  if (accept !== undefined) return accept === 'strict' ? 'verify-full' : 'require'
  return ['sslrootcert', 'sslcert', 'sslkey'].some((name) => given.has(name)) ? 'verify-full' : undefined
}

function readSeconds(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^\d{1,6}$/.test(value)) throw new ConnectionStringError('has a connect_timeout that is not a number')
  // libpq reads 0 as no limit.
  return Number(value) || undefined
}

function readSchema(name: string | undefined): string | undefined {
  // PostgreSQL cuts a longer name off, and would then not find it.
  if (name === '' || Buffer.byteLength(name ?? '') > 63)
    throw new ConnectionStringError('has a schema that is not a name of 1 to 63 bytes')
  return name
}

/** Reads `-c name=value` and `--name=value`. A space in a value has a backslash before it. */
function readOptions(options: string): Record<string, string> {
  const words = options.replaceAll('+', ' ').match(/(?:\\.|[^\s\\])+/g) ?? []
  const text = words.map((word) => word.replace(/\\(.)/g, '$1'))
  const settings: Record<string, string> = {}
  for (let at = 0; at < text.length; at++) {
    const word = text[at] === '-c' ? `-c${text[++at] ?? ''}` : (text[at] as string)
    const [, name, value] = /^(?:-c|--)([\w.-]+)=(.*)$/s.exec(word) ?? []
    if (name === undefined || value === undefined)
      throw new ConnectionStringError(
        'has options other than -c name=value, which poolers reject: remove them',
      )
    settings[name.replaceAll('-', '_').toLowerCase()] = value
  }
  return settings
}
