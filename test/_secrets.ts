const known = new Set<string>()

const secretMember =
  /^(\w*password|\w*token|code|code_?verifier|state|authorization|cookie|set-cookie|location|client_secret|AUTH_\w*(SECRET|PRIVATE_KEY)|DATABASE_URL)$/i

// Secrets by their first characters.
const startLength = 8

/**
 * Registers secrets: from now on no log of this test process may have them. Short and ordinary words are left out,
 * because a log may have them for other reasons.
 */
export function remember(...secrets: (string | null | undefined)[]): void {
  for (const secret of secrets) {
    if (!secret || secret.length < startLength || /^[a-z]+(_[a-z]+)*$/i.test(secret)) continue
    known.add(secret)
    known.add(JSON.stringify(secret).slice(1, -1))
  }
}

/** Registers the secrets of a value: members with secret names at any depth. */
export function rememberIn(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, inner] of Object.entries(value)) {
    if (typeof inner === 'string' && secretMember.test(name)) remember(...unwrap(name.toLowerCase(), inner))
    else rememberIn(inner)
  }
}

/** Registers the secrets of an HTTP message, in either direction. */
export function rememberMessage(url: string, headers: Headers, body: string): void {
  const [, query = ''] = url.split('?')
  rememberIn(Object.fromEntries(new URLSearchParams(query)))
  rememberIn(Object.fromEntries(headers))
  remember(...headers.getSetCookie().flatMap((cookie) => unwrap('set-cookie', cookie)))
  try {
    rememberIn(JSON.parse(body))
  } catch {
    if (/^\w+=/.test(body)) rememberIn(Object.fromEntries(new URLSearchParams(body)))
  }
}

/** Returns the registered secrets in a text, in one pass. */
export function findSecrets(text: string): string[] {
  const byStart = new Map<string, string[]>()
  for (const secret of known) {
    const start = secret.slice(0, startLength)
    byStart.set(start, [...(byStart.get(start) ?? []), secret])
  }
  const found = new Set<string>()
  for (let at = 0; at < text.length; at++) {
    for (const secret of byStart.get(text.slice(at, at + startLength)) ?? []) {
      if (text.startsWith(secret, at)) found.add(secret)
    }
  }
  return [...found]
}

/** Throws when a log has a registered secret. */
export function refuseSecrets(log: string): void {
  const [secret] = findSecrets(log)
  if (secret === undefined) return
  const line = log.split('\n').find((each) => each.includes(secret))
  throw new Error(`A log has the secret ${secret}: ${line}`)
}

/** Returns the secret part of a header or variable. */
function unwrap(name: string, value: string): (string | undefined)[] {
  if (name === 'authorization') return [value.replace(/^\w+ +/, '')]
  if (name === 'cookie' || name === 'set-cookie') return value.split(';').map((part) => part.split('=')[1])
  if (name === 'database_url') return [URL.canParse(value) ? new URL(value).password : undefined]
  if (name.endsWith('private_key')) return value.split(/\n|\\n/).filter((line) => !line.includes('-----'))
  if (name !== 'location') return [value]
  if (URL.canParse(value)) rememberIn(Object.fromEntries(new URL(value).searchParams))
  return []
}
