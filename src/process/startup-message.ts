import type { Provider } from '../authentication/provider.ts'
import { callbackUrl, configuredProviders } from '../authentication/strategies.ts'
import type { Config } from '../config/config.ts'
import { environmentPrefix } from '../config/providers.ts'
import type { KeyPair } from '../tokens/key-pair.ts'

/** What `npm start` prints: where the gateway is, what to try, what to paste into Hasura, and what is not set up yet. */
export function startupMessage(
  config: Config,
  providers: readonly Provider[],
  key: KeyPair,
  port: number,
): string {
  const address = `http://localhost:${port}`
  // The seed's example, unless the rules of this deployment would refuse it.
  const password =
    config.passwordMinLength <= 7 ? 'test123' : 'a long test password'.padEnd(config.passwordMinLength, '!')
  return `
Claimgate listens on ${config.host}:${port} and is reached at ${config.publicUrl}
Signing key: ${key.kid}, ${config.keyPair ? 'from AUTH_PRIVATE_KEY or private.pem' : 'kept in the database'}
Database: ${config.databaseUrl === undefined ? `embedded, in ${config.dataDir}` : 'PostgreSQL, from DATABASE_URL'}

Try it${config.pages ? ` in a browser at ${address}/signup, or` : ''}:
  curl -H 'Content-Type: application/json' ${address}/signup \\
    -d '{"username": "test123", "password": "${password}", "confirmPassword": "${password}"}'

Give Hasura one of these as HASURA_GRAPHQL_JWT_SECRET. With the first it learns of new keys by itself; from inside a
container, localhost is the container, so write an address into jwk_url that Hasura can reach. With the second, set
${config.keyRotation > 0 && !config.keyPair ? 'AUTH_KEY_ROTATION=0, or it knows no token any more when the key changes' : 'the new key there when it changes'}:
  ${JSON.stringify(hasuraSecret(config, { jwk_url: `${config.publicUrl}/jwks` }))}
  ${JSON.stringify(hasuraSecret(config, { type: 'RS256', key: publicPem(key) }))}

Sign-in:
${describeProviders(config, providers).join('\n')}
`
}

/** The same for a program: where the gateway is, and what Hasura needs to know. */
export function describeGateway(config: Config, port: number): object {
  return {
    port,
    publicUrl: config.publicUrl,
    database: config.databaseUrl === undefined ? 'embedded' : 'server',
    hasuraJwtSecret: hasuraSecret(config, { jwk_url: `${config.publicUrl}/jwks` }),
  }
}

/** The value of HASURA_GRAPHQL_JWT_SECRET; members that are Hasura's own defaults are left out. */
export function hasuraSecret(
  config: Config,
  key: { jwk_url: string } | { type: 'RS256'; key: string },
): object {
  return {
    ...key,
    issuer: config.issuer,
    audience: config.audience,
    allowed_skew: 30,
    ...(config.claimsNamespace !== 'https://hasura.io/jwt/claims' && {
      claims_namespace: config.claimsNamespace,
    }),
    ...(config.claimsFormat !== 'json' && { claims_format: config.claimsFormat }),
  }
}

function publicPem({ publicKey }: KeyPair): string {
  return publicKey.export({ format: 'pem', type: 'spki' }).toString()
}

function describeProviders(config: Config, providers: readonly Provider[]): string[] {
  const configured = new Set(configuredProviders(providers, config.providers).map(({ name }) => name))
  return providers.flatMap(({ name, label, flow }) => {
    if (flow === 'password') return [`  ${label}: POST ${config.publicUrl}/login`]
    if (configured.has(name)) return [`  ${label}: ${config.publicUrl}/auth/${name}`]
    const prefix = environmentPrefix(name)
    return [
      `  ${label}: not configured. Register ${callbackUrl(config.publicUrl, name)} as callback URL,`,
      `    then set ${prefix}_CLIENT_ID and ${prefix}_CLIENT_SECRET.`,
    ]
  })
}
