import { readFileSync, statSync } from 'node:fs'
import { findValue, listSecretFiles, type SecretFile, type SecretFiles } from '../config/secrets.ts'
import { ConfigError } from '../errors.ts'

// In bytes; larger than any secret or key.
const mostBytes = 65_536

/** Reads every file that an environment names for a secret. */
export function readSecretFiles(env: Readonly<Record<string, string | undefined>>): SecretFiles {
  return new Map(listSecretFiles(env).map(([variable, path]) => [variable, readSecretFile(path)]))
}

/**
 * Returns a secret that is not part of the configuration, from its variable or its file. Throws a ConfigError when the
 * file cannot be used.
 */
export function readSecretVariable(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const found = findValue(name, env, readSecretFiles(env))
  if ('problem' in found) throw new ConfigError([found.problem])
  return found.value
}

/** Reads a file as UTF-8 without one line feed at its end. */
function readSecretFile(path: string): SecretFile {
  try {
    const stats = statSync(path)
    // A pipe or a device could keep the start waiting, or never end.
    if (!stats.isFile()) return { problem: 'is not a regular file' }
    if (stats.size > mostBytes) return { problem: `has more than ${mostBytes} bytes` }
    const content = decode(readFileSync(path))
    if (content === null) return { problem: 'is not text in UTF-8' }
    return content === '' ? { problem: 'is empty' } : { content }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return { problem: 'does not exist' }
    return { problem: `cannot be read (${code}): let the user of this process read it` }
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '')
  } catch {
    return null
  }
}
