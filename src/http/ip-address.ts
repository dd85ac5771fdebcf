import type { IncomingMessage } from 'node:http'
import { isIPv4, isIPv6 } from 'node:net'

/** An address, however it was spelled: the text of an IPv4 address, or the eight groups of an IPv6 address. */
export type IpAddress = { ipv4: string } | { ipv6: number[] }

/**
 * Reads an address; null for what is none. An IPv4 address that came through an IPv6 socket is itself (RFC 4291,
 * section 2.5.5.2). A zone is left out; a port, as some proxies write it, too.
 */
function parseAddress(text: string): IpAddress | null {
  // Nearly all there is, and every request asks.
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

/** An address as people write it, or '' for what is none. */
function formatAddress(text: string): string {
  const address = parseAddress(text)
  if (address === null) return ''
  return 'ipv4' in address ? address.ipv4 : shorten(groupsOf(address.ipv6))
}

/** Groups in the notation of RFC 5952, without leading zeros and joined by colons. */
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

/** URL writes every spelling in one form: the shortest, with an IPv4 part as two groups. */
function shorten(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}

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

/**
 * What counts as one client: an IPv4 address, or the /64 network of an IPv6 address, because whoever has one address
 * there has all of them. What is no address is one client together.
 */
export function addressKey(text: string): string {
  const address = parseAddress(text)
  if (address === null) return 'unknown'
  return 'ipv4' in address ? address.ipv4 : `${groupsOf(address.ipv6.slice(0, 4))}::/64`
}

/**
 * The network of a client, enough to see a pattern and too little to find a person: IPv4 /24, IPv6 /48. Undefined for
 * what is no address.
 */
export function maskAddress(text: string): string | undefined {
  const address = parseAddress(text)
  if (address === null) return undefined
  return 'ipv4' in address
    ? address.ipv4.replace(/\d+$/, '0/24')
    : `${groupsOf(address.ipv6.slice(0, 3))}::/48`
}
