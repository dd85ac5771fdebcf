import { groupsOf, parseAddress } from '../ip-address.ts'

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
