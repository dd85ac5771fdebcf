import { isIPv4, isIPv6 } from 'node:net'

/**
 * The network of a client, enough to see a pattern and too little to find a person: IPv4 /24, IPv6 /48. Undefined for
 * what is no address.
 */
export function maskAddress(address: string): string | undefined {
  if (isIPv4(address)) return address.replace(/\d+$/, '0/24')
  const [bare = ''] = address.split('%')
  if (!isIPv6(bare)) return undefined
  return `${expand(bare).slice(0, 3).join(':')}::/48`
}

/** The eight groups of an IPv6 address, without leading zeros. */
function expand(address: string): string[] {
  // URL knows every spelling of an address, and this is its shortest.
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = short.split('::')
  const first = head.split(':').filter(Boolean)
  const last = (tail ?? '').split(':').filter(Boolean)
  return [...first, ...Array(8 - first.length - last.length).fill('0'), ...last]
}
