import { readdir } from 'node:fs/promises'
import * as z from 'zod'
import type { Provider } from './provider.ts'
import { findPasswordProvider } from './strategies.ts'

const path = z.string().regex(/^[MLHVCSQTAZ\d\s,.-]{1,2000}$/i, 'icon must be the data of an SVG path')
const fill = z
  .string()
  .regex(
    /^(#[\da-f]{6}|currentColor)$/i,
    'icon must be filled with a colour such as #1a73e8, or currentColor',
  )

const common = {
  name: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
  label: z.string().min(1),
  icon: z.union([path, z.array(z.strictObject({ path, fill })).min(1).max(20)]).optional(),
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
 * Loads every provider file of a folder, sorted by name. A new file is enough to add a provider. Throws for a file
 * whose default export is not a provider, or has another name than the file. Throws unless exactly one provider checks
 * passwords.
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
    throw new Error(
      `providers/${file} has the name ${result.data.name}. Give the file and the provider the same name`,
    )
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
