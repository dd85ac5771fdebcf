/** The most bytes of headers that the gateway reads: a provider's callback has a code and a state of 8 KB each. */
export const maxHeaderSize = 32_768

/** The most characters of headers at other routes. */
export const usualHeaderSize = 16_384

// What a client and the proxies send beside the token.
const otherHeaders = 2_048
// The default of many servers for one header, such as nginx.
const usualLimit = 8_192

/**
 * Returns the warning of an access token of a length in bytes, with the cure after a semicolon; undefined for a length
 * that servers usually accept.
 */
export function warnOfLength(length: number): string | undefined {
  if (length + otherHeaders > usualHeaderSize)
    return `the access token has about ${length} bytes: this gateway rejects it, with 431, because it reads ${usualHeaderSize} bytes of headers; give fewer roles or shorter claims`
  if (length + 'Authorization: Bearer '.length > usualLimit)
    return `the access token has about ${length} bytes: many proxies reject a header of more than ${usualLimit} bytes; raise their limit, or give fewer roles or shorter claims`
  return undefined
}
