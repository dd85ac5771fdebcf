import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/**
 * The client's address: what the outermost of `trustedProxies` proxies saw, counted from the right of
 * X-Forwarded-For, because everything further left is whatever the client wrote. Without proxies, the socket's.
 */
export function clientAddress(req: IncomingMessage, trustedProxies: number): string {
  const socket = unmap(req.socket.remoteAddress ?? '')
  if (trustedProxies === 0) return socket
  const hops = [req.headers['x-forwarded-for'] ?? ''].flat().join(',').split(',')
  const hop = unmap(hops.at(-trustedProxies)?.trim() ?? '')
  return isIP(hop) ? hop : socket
}

/** An IPv4 address that came through an IPv6 socket, as itself. */
function unmap(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
}
