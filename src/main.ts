import { existsSync, readFileSync } from 'node:fs'
import { pino } from 'pino'
import { loadProviders } from './authentication/load-providers.ts'
import { ConfigError, parseConfig } from './config.ts'
import { startGateway } from './gateway.ts'
import { welcome } from './welcome.ts'

// The compiled file is dist/src/main.js.
const root = new URL('../../', import.meta.url)

/** What sysexits.h calls EX_CONFIG. */
const exitConfig = 78

async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const providers = await loadProviders(new URL('../providers/', import.meta.url))
  const config = parseConfig(
    process.env,
    providers.filter(({ flow }) => flow === 'redirect').map(({ name }) => name),
    { privatePem: readIfPresent('private.pem'), publicPem: readIfPresent('public.pem') },
  )
  const log = pino({ level: config.logLevel })
  for (const name of config.unknownVariables) log.warn({ name }, 'no such variable; is it spelled right?')

  const gateway = await startGateway({ config, providers, root, log })
  process.stdout.write(welcome(config, providers, gateway.keys.active, gateway.port))

  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping')
    gateway.close().then(
      () => process.exit(0),
      (error) => fail(error),
    )
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}

function readIfPresent(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

function fail(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`Claimgate did not start. ${message}\n`)
  process.exit(error instanceof ConfigError ? exitConfig : 1)
}

main().catch(fail)
