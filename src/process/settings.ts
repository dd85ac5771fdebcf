import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadProviders, namesByKind } from '../authentication/load-providers.ts'
import type { Provider } from '../authentication/provider.ts'
import { type Config, parseConfig } from '../config/config.ts'
import { listSecretFiles } from '../config/secrets.ts'
import { findWarnings, type Warning } from '../config/warnings.ts'
import { ConfigError } from '../errors.ts'
import { findPageProblems, loadPages, type PageFiles } from '../pages/assets.ts'
import { program, root } from '../root.ts'
import { findOpenFiles } from './open-files.ts'
import { readSecretFiles } from './secret-files.ts'

/** The environment of a process; its working directory may have `.env` and key files. */
export type Environment = Pick<NodeJS.Process, 'env' | 'loadEnvFile' | 'getuid'>

/** The configuration of a deployment, its provider files, and the warnings about both. */
export type Settings = { config: Config; providers: readonly Provider[]; warnings: readonly Warning[] }

/**
 * Reads `.env`, the environment, the files of secrets, the key files of the working directory and the provider files.
 * Throws a ConfigError.
 */
export async function loadSettings(host: Environment): Promise<Settings> {
  if (existsSync('.env')) host.loadEnvFile('.env')
  const providers = await loadProviders(new URL('providers/', program))
  const { oauth, ...otherProviders } = namesByKind(providers)
  const files = {
    otherProviders,
    privatePem: readIfPresent('private.pem'),
    publicPem: readIfPresent('public.pem'),
    secrets: readSecretFiles(host.env),
  }
  try {
    const config = parseConfig(host.env, oauth, files)
    const ownFiles = ['.env', 'private.pem', join(config.dataDir, 'secret')]
    const named = listSecretFiles(host.env).map(([, path]) => path)
    const openFiles = findOpenFiles([...ownFiles, ...named], host.getuid?.())
    return { config, providers, warnings: [...findWarnings(config), ...openFiles] }
  } catch (error) {
    throw error instanceof ConfigError ? await withPageProblems(error, host.env) : error
  }
}

/** Returns one error with all problems, including problems of the page files. */
async function withPageProblems({ problems }: ConfigError, env: NodeJS.ProcessEnv): Promise<ConfigError> {
  const read = (name: string) =>
    problems.some((problem) => problem.startsWith(`${name} `)) ? undefined : env[name] || undefined
  const settings = {
    logo: read('AUTH_PAGES_LOGO'),
    logoDark: read('AUTH_PAGES_LOGO_DARK'),
    language: read('AUTH_PAGES_LANGUAGE'),
  }
  const more = env.AUTH_PAGES === 'false' ? [] : await findPageProblems(settings)
  return new ConfigError([...problems, ...more])
}

/** Reads the files of the pages; null when the pages are off. Throws a ConfigError. */
export async function loadPageFiles({ pages }: Config): Promise<PageFiles | null> {
  if (pages === null) return null
  const problems = await findPageProblems(pages)
  if (problems.length > 0) throw new ConfigError(problems)
  return loadPages(pages, root)
}

function readIfPresent(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}
