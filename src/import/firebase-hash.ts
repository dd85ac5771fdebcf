import * as z from 'zod'
import { isPasswordHash } from '../authentication/password-hash-format.ts'
import { ImportError } from './problems.ts'

const base64 = z.string().regex(/^[A-Za-z\d+/]+={0,2}$/, 'is not base64')

/** The parameters of the password hashes of a Firebase project. */
export type HashConfig = z.infer<typeof hashConfig>

const hashConfig = z.object({
  algorithm: z.literal('SCRYPT', 'must be SCRYPT'),
  base64_signer_key: base64,
  base64_salt_separator: base64,
  rounds: z.coerce.number().int().min(1).max(9999),
  mem_cost: z.coerce.number().int().min(1).max(99),
})

/**
 * Reads the parameters as the console of Firebase shows them (`hash_config { … }`), or as JSON. Throws ImportError
 * `layout`, without the values.
 */
export function parseHashConfig(content: string): HashConfig {
  const pairs = [...content.matchAll(/"?(\w+)"?\s*:\s*"?([^\s",}]+)"?/g)]
  const { data, error } = hashConfig.safeParse(
    Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value])),
  )
  if (data) return data
  const faults = error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')
  throw new ImportError(
    'layout',
    `The file of --hash-config must have the lines of hash_config { … } in the console of Firebase: ${faults}.`,
  )
}

/** Returns the text of a hash for the column `password`. A hash that Firebase has imported as bcrypt stays bcrypt. */
export function writeFirebaseHash(hash: string, salt: string, config: HashConfig | undefined): string {
  const decoded = Buffer.from(hash, 'base64').toString('latin1')
  if (isPasswordHash(decoded)) return decoded
  if (config === undefined) return hash
  const { mem_cost, rounds, base64_salt_separator, base64_signer_key } = config
  return `$fbscrypt$v=1,n=${mem_cost},r=${rounds},p=1,ss=${base64_salt_separator},sk=${base64_signer_key}$${salt}$${hash}`
}
