import * as z from 'zod'
import { ConfigError } from '../errors.ts'
import type { ProxySettings } from '../http/proxy-fetch.ts'
import type { Read } from './providers.ts'

/** The URL of a proxy; without a scheme, http: is meant, as in curl. */
const proxyUrl = z
  .string()
  .transform((value) => (/^[a-z][\w+.-]*:\/\//i.test(value) ? value : `http://${value}`))
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'must be the http(s) URL of a proxy',
  )
  .optional()

const hosts = z.string().optional()

/** Reads the usual variables of a proxy. The name in lower case takes precedence, as in curl. */
export function readProxies(read: Read): ProxySettings {
  const either = (name: string, schema: z.ZodType<string | undefined, string | undefined>) =>
    read(name.toLowerCase(), schema) ?? read(name, schema)
  return {
    httpProxy: either('HTTP_PROXY', proxyUrl),
    httpsProxy: either('HTTPS_PROXY', proxyUrl),
    noProxy: either('NO_PROXY', hosts) ?? '',
  }
}

/** Reads the proxies for a command that needs no other setting. Throws a ConfigError. */
export function parseProxies(env: Readonly<Record<string, string | undefined>>): ProxySettings {
  const problems: string[] = []
  const proxies = readProxies((name, schema) => {
    const result = schema.safeParse(env[name] || undefined)
    if (result.success) return result.data
    problems.push(`${name} ${result.error.issues[0]?.message}`)
    return undefined as never
  })
  if (problems.length > 0) throw new ConfigError(problems)
  return proxies
}
