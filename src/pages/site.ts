import type { ProviderIcon } from '../authentication/provider.ts'
import { entriesOf } from '../authentication/redirect-target.ts'
import type { Dependencies } from '../dependencies.ts'
import type { PageFiles } from './assets.ts'

/** A provider on the pages. */
export type PageProvider = { name: string; label: string; icon?: ProviderIcon | undefined }

/** The settings of all pages of a deployment. */
export type Site = {
  files: PageFiles
  /** The public URL; forms are accepted only there. */
  url: string
  /** The path of the public URL, for a gateway behind a path prefix; else empty. */
  base: string
  providers: readonly PageProvider[]
  /** The name of the provider that checks passwords. */
  passwordProvider: string
  signup: boolean
  passwordMinLength: number
  /** True when a username may be an e-mail address. */
  usernameAt: boolean
  /** Returns the name of the app of a redirect target. */
  appOf(target: string): string
}

/** Creates the settings of all pages. `base` is the path of the public URL. */
export function createSite(
  { config, redirectProviders, passwordProvider }: Dependencies,
  files: PageFiles,
  base: string,
): Site {
  return {
    files,
    url: config.publicUrl,
    base,
    providers: redirectProviders,
    passwordProvider: passwordProvider.name,
    signup: config.signup,
    passwordMinLength: config.passwordMinLength,
    usernameAt: config.usernameAt,
    appOf: createAppOf(config.pages?.apps ?? new Map()),
  }
}

/**
 * Creates the function that names the app of a redirect target: by `names`, which has the form of AUTH_PAGES_APPS, or else
 * by the host of a web page, or the scheme of an app.
 */
export function createAppOf(names: ReadonlyMap<string, string>): (target: string) => string {
  return (target) => {
    const url = new URL(target)
    const [name] = entriesOf(url).flatMap((entry) => names.get(entry) ?? [])
    return name ?? (/^https?:$/.test(url.protocol) ? url.host : url.protocol.slice(0, -1))
  }
}
