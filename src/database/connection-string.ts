import {
  type ConnectionParameters,
  ConnectionStringError,
  isSupported,
  readParameters,
  type Sslmode,
} from './connection-parameters.ts'

/** One host of a connection string. `host` is a name, an address or the folder of a socket. */
export type Host = { host: string | undefined; port: number | undefined }

/** The content of a connection string. An undefined member has the default of libpq and its PG… variable. */
export type ServerAddress = ConnectionParameters & {
  hosts: [Host, ...Host[]]
  user: string | undefined
  password: string | undefined
  database: string | undefined
}

// An authority, a database and parameters, in which the characters that separate them are encoded.
const host = String.raw`(?:\[[\da-f:.]+(?:%[\w]+)?\]|[^\s:@/?#,[\]]*)(?::\d*)?`
const tail = new RegExp(
  String.raw`^(?<hosts>${host}(?:,${host})*)(?:/(?<database>[^/?@]*))?(?:\?(?<query>(?:[\w.]+=[^&]*(?:&|$))*))?$`,
  'i',
)

type Parts = { userinfo: string; hosts: string; database: string; query: string | undefined }

/**
 * Parses a `postgres://` URL as libpq does. Also accepts `#`, `/`, `?`, `@` and `%` in a password where only one reading
 * is possible. Throws ConnectionStringError.
 */
export function parseConnectionString(text: string): ServerAddress {
  const parts = split(text)
  const parameters = readQuery(parts.query)
  const colon = parts.userinfo.indexOf(':')
  const user = colon < 0 ? parts.userinfo : parts.userinfo.slice(0, colon)
  const password = colon < 0 ? '' : parts.userinfo.slice(colon + 1)
  return {
    ...readParameters(parameters),
    hosts: readHosts(parts.hosts, parameters),
    user: parameters.get('user') ?? decode(user, 'user name'),
    password: parameters.get('password') ?? decode(password, 'password'),
    database: parameters.get('dbname') ?? decode(parts.database, 'database name'),
  }
}

/** Returns the connection string with this sslmode, unless it has a TLS parameter. Throws ConnectionStringError. */
export function withDefaultSslmode(text: string, sslmode: Sslmode): string {
  if (parseConnectionString(text).tls.mode !== undefined) return text
  const { query } = split(text)
  const separator = query === undefined ? '?' : query === '' || query.endsWith('&') ? '' : '&'
  return `${text}${separator}sslmode=${sslmode}`
}

/** Splits the text at the first `@` after which a host, a database and known parameters follow. */
function split(text: string): Parts {
  const [scheme] = /^postgres(?:ql)?:\/\//i.exec(text) ?? []
  if (scheme === undefined) throw new ConnectionStringError('must be a postgres:// URL')
  const rest = text.slice(scheme.length)
  const ends = [...rest.matchAll(/@/g)].map(({ index }) => index)
  const fitting = [-1, ...ends].flatMap((end): Parts[] => {
    const found = tail.exec(rest.slice(end + 1))?.groups
    if (!found) return []
    const { hosts = '', database = '', query } = found
    return [{ userinfo: rest.slice(0, Math.max(end, 0)), hosts, database, query }]
  })
  const known = fitting.find(({ query }) => [...readQuery(query).keys()].every(isSupported))
  const [only, another] = fitting
  if (known) return known
  // An unknown parameter is named, unless it may be a part of a password.
  if (only && !another) return only
  throw new ConnectionStringError(explain(rest))
}

/** Returns the reason why no reading of the text is possible. */
function explain(rest: string): string {
  const address = rest.slice(rest.lastIndexOf('@') + 1).replace(/[/?].*$/s, '')
  if (/^[\da-f]*:[\da-f:]*:[\da-f:]*$/i.test(address))
    return 'has an IPv6 address without brackets: write it as [::1]:5432'
  return 'cannot be read: a port must be a number, and in a user name, password or database name the characters @ : / ? # are written %40 %3A %2F %3F %23'
}

function readQuery(query = ''): Map<string, string> {
  const pairs = query.split('&').filter(Boolean)
  return new Map(
    pairs.map((pair): [string, string] => {
      const at = pair.indexOf('=')
      const name = pair.slice(0, at)
      return [name, decode(pair.slice(at + 1), `parameter ${name}`) ?? '']
    }),
  )
}

/** Reads `host:port` pairs. The parameters `host` and `port` replace them, each with one value for each host. */
function readHosts(authority: string, parameters: ReadonlyMap<string, string>): [Host, ...Host[]] {
  const pairs = authority.split(',').map((pair) => /^(.*?)(?::(\d*))?$/.exec(pair) as RegExpExecArray)
  const names = parameters.get('host')?.split(',') ?? pairs.map(([, name = '']) => name)
  const ports = parameters.get('port')?.split(',') ?? pairs.map(([, , port = '']) => port)
  if (ports.length > 1 && ports.length !== names.length)
    throw new ConnectionStringError(`has ${names.length} hosts and ${ports.length} ports`)
  return names.map((name, at) => ({
    host: decode(name.replace(/^\[(.*)\]$/, '$1'), 'host') || undefined,
    port: readPort((ports.length > 1 ? ports[at] : ports[0]) ?? ''),
  })) as [Host, ...Host[]]
}

function readPort(text: string): number | undefined {
  if (text === '') return undefined
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new ConnectionStringError('has a port that is not a number from 1 to 65535')
}

/** Decodes percent-encoded text. Text without any encoded character may have percent signs. */
function decode(text: string, what: string): string | undefined {
  if (text === '') return undefined
  const signs = text.match(/%/g)?.length ?? 0
  const encoded = text.match(/%[\da-f]{2}/gi)?.length ?? 0
  if (encoded === 0) return text
  try {
    const decoded = decodeURIComponent(text)
    if (signs === encoded && !decoded.includes('\0')) return decoded
  } catch {
    // Bytes that are not UTF-8.
  }
  throw new ConnectionStringError(`has a % in its ${what} that can be read in two ways: write %25 for it`)
}
