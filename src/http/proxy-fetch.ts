/** The proxies of requests that the gateway sends; undefined for direct connections. */
export type ProxySettings = {
  /** The URL of the proxy for http: URLs. */
  httpProxy: string | undefined
  /** The URL of the proxy for https: URLs. Default: `httpProxy`. */
  httpsProxy: string | undefined
  /** Hosts without a proxy, as in NO_PROXY. */
  noProxy: string
}

const thisMachine = 'localhost,127.0.0.1,[::1]'

/**
 * Returns the `fetch` of all requests that the gateway sends, through the proxies if any are set. Only then a client for
 * proxies is loaded, because the `fetch` of Node 20 has none. A proxy does not see the content of https: requests: it gets
 * CONNECT, and the certificate of the server is checked as without it. Addresses of this machine need no proxy.
 */
export async function createFetch({
  httpProxy,
  httpsProxy,
  noProxy,
}: ProxySettings): Promise<typeof globalThis.fetch> {
  if (httpProxy === undefined && httpsProxy === undefined) return globalThis.fetch
  const { EnvHttpProxyAgent, fetch } = await import('undici')
  const dispatcher = new EnvHttpProxyAgent({
    // An empty text keeps undici from reading the environment.
    httpProxy: httpProxy ?? '',
    httpsProxy: httpsProxy ?? '',
    noProxy: noProxy.trim() === '*' ? '*' : `${noProxy},${thisMachine}`,
    // Proxies often refuse CONNECT to other ports than 443.
    proxyTunnel: false,
  })
  const throughProxy = (input: string | URL, init: object) => fetch(input, { ...init, dispatcher })
  return throughProxy as unknown as typeof globalThis.fetch
}
