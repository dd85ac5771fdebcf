import { groupsOf, parseAddress } from '../ip-address.ts'

/**
 * What counts as one client: an IPv4 address, or the /64 network of an IPv6 address, because whoever has one address
 * there has all of them. What is no address is one client together.
 */
export function addressKey(text: string): string {
  const address = parseAddress(text)
  if (address === null) return 'unknown'
  return 'ipv4' in address ? address.ipv4 : `${groupsOf(address.ipv6.slice(0, 4))}::/64`
}
