/** A provider that `providers/` describes by its endpoints, as the fake provider plays it. */
type EndpointsSpec = {
  /** The prefix of access tokens. */
  token: string
  /** True when client id and secret are in the header of the token request. */
  isBasic?: boolean
  /** True when there is an endpoint for addresses. */
  hasEmails?: boolean
  /** The scopes without which the endpoint of the profile refuses. */
  scope: readonly string[]
}

/** The providers with endpoints. */
export const endpointsSpecs = {
  bitbucket: { token: 'bb-', hasEmails: true, scope: ['account'] },
  discord: { token: 'dc-', scope: ['identify'] },
  facebook: { token: 'EAA', scope: ['public_profile'] },
  spotify: { token: 'BQ-', isBasic: true, scope: ['user-read-email'] },
  x: { token: 'x-', isBasic: true, scope: ['users.read', 'tweet.read'] },
} as const satisfies Record<string, EndpointsSpec>

export type EndpointsName = keyof typeof endpointsSpecs

export const endpointsNames = Object.keys(endpointsSpecs) as EndpointsName[]

/** Returns true for a provider with endpoints. */
export function isEndpointsName(name: string): name is EndpointsName {
  return Object.hasOwn(endpointsSpecs, name)
}

/** Returns the specification of a provider with endpoints. */
export function specOf(name: EndpointsName): EndpointsSpec {
  return endpointsSpecs[name]
}
