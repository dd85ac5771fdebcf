import { readdir } from 'node:fs/promises'
import { z } from 'zod'
import type { Provider } from './provider.ts'
import { findPasswordProvider } from './strategies.ts'

const common = {
  name: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
  label: z.string().min(1),
  icon: z
    .string()
    .regex(/^[MLHVCSQTAZ\d\s,.-]{1,2000}$/i, 'icon must be the data of an SVG path')
    .optional(),
  strategy: z.custom((value) => typeof value === 'function', 'strategy must be a function'),
}

const providerSchema = z.discriminatedUnion('flow', [
  z.object({
    ...common,
    flow: z.literal('redirect'),
    scope: z.array(z.string()),
    identity: z.custom((value) => typeof value === 'function', 'identity must be a function'),
  }),
  z.object({ ...common, flow: z.literal('password') }),
])

/**
 * Loads every provider file of a folder, in the order of their names: a file there is all it takes to add a provider.
 * Throws, naming the file, when its default export is not a provider or does not bear the file's name, and unless exactly
 * one of them checks passwords.
 */
export async function loadProviders(folder: URL): Promise<Provider[]> {
  const files = (await readdir(folder)).filter((file) => /^[^.]+\.(js|ts)$/.test(file)).sort()
  const providers = await Promise.all(files.map((file) => loadProvider(new URL(file, folder), file)))
  findPasswordProvider(providers)
  return providers
}

async function loadProvider(url: URL, file: string): Promise<Provider> {
  const { default: provider } = await importFile(url, file)
  const result = providerSchema.safeParse(provider)
  if (!result.success)
    throw new Error(`providers/${file} is not a provider: ${z.prettifyError(result.error)}`)
  if (!file.startsWith(`${result.data.name}.`)) {
    throw new Error(`providers/${file} calls itself ${result.data.name}; file and name must be the same`)
  }
  return provider as Provider
}

async function importFile(url: URL, file: string): Promise<{ default?: unknown }> {
  try {
    return await import(url.href)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`providers/${file} cannot be loaded: ${reason}`, { cause })
  }
}
