import type { IncomingMessage } from 'node:http'
import { isIPv4, isIPv6 } from 'node:net'

/** A parsed address: the text of an IPv4 address, or the eight groups of an IPv6 address. */
export type IpAddress = { ipv4: string } | { ipv6: number[] }

/**
 * Parses an address; null for an invalid address. An IPv4-mapped IPv6 address is an IPv4 address (RFC 4291,
 * section 2.5.5.2). A zone and a port, as some proxies add it, are left out.
 */
function parseAddress(text: string): IpAddress | null {
  // The fast path for IPv4, because every request parses its address.
  if (isIPv4(text)) return { ipv4: text }
  const [, bracketed, plain] = /^\[([^\]]*)\](?::\d+)?$|^(.*)$/s.exec(text.trim()) ?? []
  const bare = (bracketed ?? plain ?? '').replace(/^([\d.]+):\d+$/, '$1').replace(/%.*$/, '')
  if (isIPv4(bare)) return { ipv4: bare }
  if (!isIPv6(bare)) return null
  const groups = expand(bare)
  const [high = 0, low = 0] = groups.slice(6)
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  return isMapped ? { ipv4: [high >> 8, high & 255, low >> 8, low & 255].join('.') } : { ipv6: groups }
}

/** Returns the usual spelling of an address; '' for an invalid address. */
function formatAddress(text: string): string {
  const address = parseAddress(text)
  if (address === null) return ''
  return 'ipv4' in address ? address.ipv4 : shorten(groupsOf(address.ipv6))
}

/** Joins groups by colons, without leading zeros (RFC 5952). */
function groupsOf(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':')
}

function expand(address: string): number[] {
  const [head = '', tail = ''] = shorten(address).split('::')
  const parse = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const [first, last] = [parse(head), parse(tail)]
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last]
}

/** Returns the shortest spelling of an IPv6 address, with an IPv4 part as two groups. */
function shorten(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}

/**
 * Returns the client's address: the entry of the outermost trusted proxy in X-Forwarded-For, counted from the right.
 * The client can forge all entries further left. Without trusted proxies, returns the address of the socket.
 */
export function clientAddress(req: IncomingMessage, trustedProxies: number): string {
  const socket = formatAddress(req.socket.remoteAddress ?? '')
  if (trustedProxies === 0) return socket
  const hops = [req.headers['x-forwarded-for'] ?? ''].flat().join(',').split(',')
  return formatAddress(hops.at(-trustedProxies) ?? '') || socket
}

/**
 * Returns the key that identifies a client: an IPv4 address, or the /64 network of an IPv6 address. A client usually
 * has all addresses of its /64 network. All invalid addresses share the key `unknown`.
 */
export function addressKey(text: string): string {
  const address = parseAddress(text)
  if (address === null) return 'unknown'
  return 'ipv4' in address ? address.ipv4 : `${groupsOf(address.ipv6.slice(0, 4))}::/64`
}

/** Returns the key of the network of a client: IPv4 /24 or IPv6 /48. All invalid addresses share one key. */
export function networkKey(text: string): string {
  return maskAddress(text) ?? 'unknown network'
}

/**
 * Returns the network of a client for logs: IPv4 /24 or IPv6 /48. It shows patterns and identifies no person. Undefined
 * for an invalid address.
 */
export function maskAddress(text: string): string | undefined {
  const address = parseAddress(text)
  if (address === null) return undefined
  return 'ipv4' in address
    ? address.ipv4.replace(/\d+$/, '0/24')
    : `${groupsOf(address.ipv6.slice(0, 3))}::/48`
}

/** Returns true for a URL whose host is this machine: localhost, its subdomains, or a loopback address. */
export function isThisMachine(url: string): boolean {
  return /^(?:(?:.+\.)?localhost\.?|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname)
}
