import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose'
import Provider, { type ProviderContext } from 'oidc-provider'
import { type Cookies, cookieHeader, keepCookies } from './_cookies.ts'
import { type Answer, type Fault, sendFault } from './_fake-provider.ts'
import { remember, rememberMessage } from './_secrets.ts'

export type OpenIdEndpoint = 'metadata' | 'keys' | 'authorize' | 'token' | 'profile'

/** A key of the provider, private. */
export type ProviderKey = JWK & { kid: string; alg: string }

/** A user of the provider: the claims of userinfo. */
export type OpenIdUser = { sub: string } & Record<string, unknown>

type Json = Record<string, unknown>

/** The changes that the proxy makes to answers of the real provider. */
export type Tampering = {
  metadata?: (metadata: Json) => unknown
  keys?: (keys: Json[]) => unknown
  profile?: (claims: Json) => unknown
  token?: (answer: Json) => Json
  /** Replaces the ID token. `sign` signs claims with the key of the provider. */
  idToken?: (claims: JWTPayload, sign: Sign, answer: Json) => Promise<string>
  /** Changes the query of the redirect to the gateway. */
  callback?: (query: URLSearchParams) => void
}

/** Signs claims with a key of the provider, by default the current one. */
export type Sign = (claims: JWTPayload, options?: { key?: ProviderKey; header?: Json }) => Promise<string>

export type OpenIdPeer = {
  issuer: string
  /** Requests to the provider, the oldest first. */
  requests: {
    endpoint: OpenIdEndpoint | 'other'
    path: string
    query: URLSearchParams
    headers: IncomingHttpHeaders
    body: string
  }[]
  /** The user of the next sign-in. */
  signInAs(user: OpenIdUser): void
  /** Acts as the user's browser at the provider, by default a new one, and returns the callback URL. */
  authorize(location: string, cookies?: Cookies): Promise<string>
  /** Acts as the user who signs out on the page of the provider, and returns the address to which it redirects. */
  signOut(location: string, cookies: Cookies): Promise<string>
  sign: Sign
  tamper(tampering: Tampering): void
  /** Makes an endpoint misbehave until it is called again with `null`. */
  fault(endpoint: OpenIdEndpoint, fault: Fault | null): void
  /** Restarts the provider with this key, and with the old one if `keep`. */
  rotate(key: ProviderKey, keep?: boolean): void
  key: ProviderKey
  stop(): Promise<void>
}

type PeerOptions = {
  redirectUris: readonly string[]
  alg?: string
  /** Metadata of the client at the provider. */
  client?: Json
  /** More configuration of oidc-provider. */
  more?: Json
}

export const clientId = 'the-gateway'
export const clientSecret = 'a secret of the client &=+%/ 0123456789'

/** Creates a key with a new `kid`. */
export async function createProviderKey(alg = 'RS256'): Promise<ProviderKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(privateKey)
  remember(jwk.d)
  return { ...jwk, alg, use: 'sig', kid: `key-${Math.random().toString(36).slice(2)}` }
}

/**
 * Starts oidc-provider on a loopback port, behind a proxy that can change its answers. The proxy's address is the issuer.
 */
export async function startOpenIdPeer(options: PeerOptions): Promise<OpenIdPeer> {
  const requests: OpenIdPeer['requests'] = []
  const faults = new Map<OpenIdEndpoint, Fault>()
  const users = new Map<string, OpenIdUser>()
  const storage = new Map<string, Json>()
  let key = await createProviderKey(options.alg)
  let tampering: Tampering = {}
  let next: OpenIdUser = { sub: 'nobody' }

  const inner = createServer((request, response) => handle(request, response))
  const outer = createServer((request, response) => {
    forward(request, response).catch(() => response.destroy())
  })
  // A connection that ends while a request is sent on it would be a fault that no test asked for.
  outer.keepAliveTimeout = 0
  const innerPort = await listen(inner)
  const issuer = `http://127.0.0.1:${await listen(outer)}`
  let handle = createHandler([key])

  function createHandler(keys: readonly ProviderKey[]) {
    const provider = new Provider(issuer, {
      adapter: createAdapter(storage),
      clients: [
        {
          client_id: clientId,
          client_secret: clientSecret,
          redirect_uris: options.redirectUris,
          token_endpoint_auth_method: 'client_secret_post',
          id_token_signed_response_alg: key.alg,
          ...options.client,
        },
      ],
      cookies: { keys: ['a key of the provider'] },
      ttl: {
        AccessToken: 600,
        AuthorizationCode: 60,
        Grant: 600,
        IdToken: 600,
        Interaction: 600,
        Session: 600,
      },
      jwks: { keys: keys.map((each) => ({ ...each })) },
      claims: {
        openid: ['sub'],
        email: ['email', 'email_verified'],
        profile: ['name', 'preferred_username'],
      },
      features: { devInteractions: { enabled: false } },
      interactions: { url: () => '/interaction' },
      findAccount: (_ctx: unknown, id: string) => ({ accountId: id, claims: () => users.get(id) }),
      loadExistingGrant: async ({ oidc }: ProviderContext) => {
        const { clientId } = oidc.client
        const grant = new oidc.provider.Grant({ clientId, accountId: oidc.session.accountId })
        grant.addOIDCScope('openid email profile')
        await grant.save()
        return grant
      },
      enabledJWA: {
        idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'],
      },
      ...options.more,
    })
    provider.proxy = true
    const callback = provider.callback()
    return (request: IncomingMessage, response: ServerResponse) => {
      if (request.url !== '/interaction') return callback(request, response)
      const result = { login: { accountId: next.sub }, consent: {} }
      provider.interactionFinished(request, response, result).catch(() => response.destroy())
    }
  }

  const sign: Sign = async (claims, { key: own = key, header = {} } = {}) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: own.alg, kid: own.kid, ...header })
      .sign(await importJWK(own, own.alg))

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', issuer)
    const endpoint = endpoints[path] ?? 'other'
    const body = await readBody(request)
    rememberMessage(request.url ?? '/', new Headers(), body)
    requests.push({ endpoint, path, query, headers: request.headers, body })
    const answer = await change(endpoint, await ask(innerPort, request, body))
    rememberMessage('', new Headers(), answer.body)
    const fault = faults.get(endpoint as OpenIdEndpoint)
    if (fault)
      await sendFault(fault, response, answer, { endpoint: endpoint as OpenIdEndpoint, provider: 'openid' })
    else response.writeHead(answer.status, answer.headers).end(answer.body)
  }

  async function change(endpoint: string, answer: Answer): Promise<Answer> {
    const { metadata, keys, profile, token, idToken } = tampering
    if (answer.status !== 200) return answer
    const json = () => JSON.parse(answer.body)
    const changed = (content: unknown) => ({ ...answer, body: JSON.stringify(content) })
    if (endpoint === 'metadata' && metadata) return changed(metadata(json()))
    if (endpoint === 'keys' && keys) return changed(keys(json().keys))
    if (endpoint === 'profile' && profile) return changed(profile(json()))
    if (endpoint !== 'token') return answer
    const content = token ? token(json()) : json()
    if (!idToken) return changed(content)
    const [, payload = ''] = String(content.id_token).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const replaced = await idToken(claims, sign, content)
    remember(replaced)
    return changed({ ...content, id_token: replaced })
  }

  return {
    issuer,
    requests,
    signInAs(user) {
      next = user
      users.set(user.sub, user)
    },
    authorize: async (location, cookies = new Map()) => {
      let url = new URL(location)
      for (let hops = 0; url.origin === issuer && hops < 10; hops++) {
        const answer = await fetch(url, { redirect: 'manual', headers: cookieHeader(cookies) })
        const text = await answer.text()
        keepCookies(cookies, answer.headers)
        const target = answer.headers.get('location')
        if (target === null) throw new Error(`the provider answers ${answer.status}: ${text}`)
        url = new URL(target, url)
      }
      tampering.callback?.(url.searchParams)
      return url.href
    },
    signOut: async (location, cookies) => {
      const page = await fetch(location, { headers: cookieHeader(cookies) })
      keepCookies(cookies, page.headers)
      const [, xsrf = ''] = /name="xsrf" value="(\w+)"/.exec(await page.text()) ?? []
      const done = await fetch(`${issuer}/session/end/confirm`, {
        method: 'POST',
        redirect: 'manual',
        headers: cookieHeader(cookies),
        body: new URLSearchParams({ xsrf, logout: 'yes' }),
      })
      await done.text()
      return done.headers.get('location') ?? ''
    },
    sign,
    tamper(changes) {
      tampering = changes
    },
    fault(endpoint, fault) {
      if (fault) faults.set(endpoint, fault)
      else faults.delete(endpoint)
    },
    rotate(next, keep = false) {
      handle = createHandler(keep ? [next, key] : [next])
      key = next
    },
    get key() {
      return key
    },
    stop: async () => {
      for (const server of [outer, inner]) {
        const closed = once(server, 'close')
        server.close()
        server.closeAllConnections()
        await closed
      }
    },
  }
}

const endpoints: Record<string, OpenIdEndpoint> = {
  '/.well-known/openid-configuration': 'metadata',
  '/jwks': 'keys',
  '/auth': 'authorize',
  '/token': 'token',
  '/me': 'profile',
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** Sends a request on to the provider, which believes to have the address of the proxy. */
async function ask(port: number, { method, url, headers }: IncomingMessage, body: string): Promise<Answer> {
  const sent = httpRequest({ host: '127.0.0.1', port, method, path: url, headers })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const {
    connection: _,
    'keep-alive': __,
    'transfer-encoding': ___,
    'content-length': ____,
    ...kept
  } = answer.headers
  return {
    status: answer.statusCode ?? 0,
    headers: kept as Record<string, string>,
    body: await readBody(answer),
  }
}

/** Returns a storage in memory, as oidc-provider requires it. */
function createAdapter(storage: Map<string, Json>) {
  return class Adapter {
    readonly prefix: string
    constructor(name: string) {
      this.prefix = `${name} `
    }
    async upsert(id: string, payload: Json): Promise<void> {
      storage.set(this.prefix + id, payload)
    }
    async find(id: string): Promise<Json | undefined> {
      return storage.get(this.prefix + id)
    }
    async findByUid(uid: string): Promise<Json | undefined> {
      return [...storage.values()].find((payload) => payload.uid === uid)
    }
    async consume(id: string): Promise<void> {
      Object.assign(storage.get(this.prefix + id) ?? {}, { consumed: Math.floor(Date.now() / 1000) })
    }
    async destroy(id: string): Promise<void> {
      storage.delete(this.prefix + id)
    }
    async revokeByGrantId(grantId: string): Promise<void> {
      for (const [id, payload] of storage) if (payload.grantId === grantId) storage.delete(id)
    }
  }
}
