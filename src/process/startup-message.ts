import type { Provider } from '../authentication/provider.ts'
import { allProviders, callbackUrl } from '../authentication/strategies.ts'
import type { Config } from '../config/config.ts'
import { describeVersion, type Version } from '../database/version.ts'
import type { KeyPair } from '../tokens/key-pair.ts'

/** The version and the ports of a gateway; `metricsPort` is undefined without AUTH_METRICS_PORT. */
type Started = { version: Version; port: number; metricsPort?: number | undefined }

/** Returns the message of `npm start`: addresses, first commands, the settings for Hasura, and missing settings. */
export function startupMessage(
  config: Config,
  providers: readonly Provider[],
  key: KeyPair,
  { version, port, metricsPort }: Started,
): string {
  const metrics = metricsPort === undefined ? '' : `Metrics: port ${metricsPort}\n`
  return `
Claimgate listens on ${config.host}:${port} with the public URL ${config.publicUrl}
Version: ${describeVersion(version)}
${metrics}Signing key: ${key.kid}, ${config.keyPair ? 'from AUTH_PRIVATE_KEY or private.pem' : 'stored in the database'}
Database: ${config.databaseUrl === undefined ? `embedded, in ${config.dataDir}` : 'PostgreSQL, from DATABASE_URL'}

${firstSteps(config, port)}

Set HASURA_GRAPHQL_JWT_SECRET to one of these values. With the first, Hasura reads new keys by itself. In a container,
localhost is the container itself: set jwk_url to an address that Hasura can reach. With the second,
${config.keyRotation > 0 && !config.keyPair ? 'set AUTH_KEY_ROTATION=0; otherwise Hasura rejects all tokens after the key changes' : 'set the new key there when it changes'}:
  ${JSON.stringify(hasuraSecret(config, { jwk_url: `${config.publicUrl}/jwks` }))}
  ${JSON.stringify(hasuraSecret(config, { type: 'RS256', key: publicPem(key) }))}

Sign-in:
${describeProviders(config, providers).join('\n')}
`
}

/**
 * Returns the first steps at the gateway: a sign-up, or, where sign-up is closed, the command that makes users. The pages
 * accept forms at the public URL alone; curl may call any address of the gateway.
 */
function firstSteps(
  { pages, signup, passwordApi, passwordMinLength, publicUrl }: Config,
  port: number,
): string {
  if (!signup)
    return `${pages ? `Sign in at ${publicUrl}/signin. ` : ''}AUTH_SIGNUP is false: make users with: npm run claimgate -- user create <username>`
  const browser = pages ? ` in a browser at ${publicUrl}/signup` : ''
  if (!passwordApi) return `Try it${browser}`
  // The password of the seed's example, unless AUTH_PASSWORD_MIN_LENGTH rejects it.
  const password = passwordMinLength <= 7 ? 'test123' : 'a long test password'.padEnd(passwordMinLength, '!')
  return `Try it${browser && `${browser}, or`}:
  curl -H 'Content-Type: application/json' http://localhost:${port}/signup \\
    -d '{"username": "test123", "password": "${password}", "confirmPassword": "${password}"}'`
}

/** Returns the startup message as JSON for a program: address, database kind, and Hasura's JWT secret. */
export function describeGateway(config: Config, { version, port, metricsPort }: Started): object {
  return {
    ...version,
    port,
    ...(metricsPort !== undefined && { metricsPort }),
    publicUrl: config.publicUrl,
    database: config.databaseUrl === undefined ? 'embedded' : 'server',
    hasuraJwtSecret: hasuraSecret(config, { jwk_url: `${config.publicUrl}/jwks` }),
  }
}

/** Returns the value of HASURA_GRAPHQL_JWT_SECRET, without members that equal Hasura's defaults. */
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
  const { publicUrl } = config
  const all = allProviders(providers, config.providers)
  const [on, off] = [true, false].map((isOn) =>
    all.filter(({ name, flow }) => (flow === 'password' || config.providers.has(name)) === isOn),
  ) as [Provider[], Provider[]]
  const lines = on.map(({ name, label, flow }) => {
    const route = config.passwordApi ? `POST ${publicUrl}/login` : `${publicUrl}/signin`
    return `  ${label}: ${flow === 'password' ? route : `${publicUrl}/auth/${name}`}`
  })
  if (off.length === 0) return lines
  return [
    ...lines,
    `  Not configured: ${off.map(({ name }) => name).join(', ')}.`,
    `    Register ${callbackUrl(publicUrl, '<name>')} as callback URL,`,
    `    then set AUTH_<NAME>_CLIENT_ID and the other variables of docs/how-to/providers.md.`,
  ]
}
