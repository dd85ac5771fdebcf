import type { IncomingMessage } from 'node:http'
import { formatAddress } from '../ip-address.ts'

/**
 * The client's address: what the outermost of `trustedProxies` proxies saw, counted from the right of
 * X-Forwarded-For, because everything further left is whatever the client wrote. Without proxies, the socket's.
 */
export function clientAddress(req: IncomingMessage, trustedProxies: number): string {
  const socket = formatAddress(req.socket.remoteAddress ?? '')
  if (trustedProxies === 0) return socket
  const hops = [req.headers['x-forwarded-for'] ?? ''].flat().join(',').split(',')
  return formatAddress(hops.at(-trustedProxies) ?? '') || socket
}
