import * as z from 'zod'
import { flag, readFlag, splitRoles, text, time } from './fields.ts'
import type { FileSource } from './file-source.ts'
import { ImportError, shorten } from './problems.ts'

const user = z.object({
  id: text,
  username: text,
  email: text,
  email_verified: flag,
  password_hash: text,
  roles: text,
  default_role: text,
  // An empty text has no known meaning, and an inactive user must stay inactive.
  active: z
    .string()
    .optional()
    .refine((value) => value !== '', 'is empty')
    .transform(readFlag),
  second_factor: text,
  created_at: time,
})

const columns = Object.keys(user.shape)
const identityColumn = /^identity:(.+)$/
const mostShown = 30

/** Users in a table with a header. Only a username or an e-mail address is required. */
export const csv: FileSource = {
  name: 'csv',
  findFormat: (start) => (/^[[{]/.test(start) ? null : 'csv'),
  expected: 'a table with a header, one user on each line',
  rolePaths: [],
  check: (row) => {
    const names = Object.keys(z.record(z.string(), z.unknown()).parse(row))
    if (!names.includes('username') && !names.includes('email'))
      throw new ImportError('layout', 'The header of the file has neither the column username nor email.')
  },
  remark: ({ names }, used) => {
    const unused = [...names].filter(
      (name) => !columns.includes(name) && !identityColumn.test(name) && !used.includes(name),
    )
    const shown = unused.slice(0, mostShown).map((name) => shorten(name, 60))
    const rest = unused.length > mostShown ? `, and ${unused.length - mostShown} more` : ''
    return unused.length === 0 ? [] : [`These columns are not imported: ${shown.join(', ')}${rest}.`]
  },
  createReader: () => (row) => {
    const found = user.parse(row)
    const identities = Object.entries(z.record(z.string(), z.string()).parse(row)).flatMap(
      ([name, subject]) => {
        const provider = identityColumn.exec(name)?.[1]
        return provider === undefined || subject === '' ? [] : [{ provider, subject }]
      },
    )
    return {
      id: found.id,
      username: found.username,
      password: found.password_hash,
      email: found.email,
      emailVerified: found.email_verified === true,
      active: found.active !== false,
      anonymous: false,
      createdAt: found.created_at,
      secondFactor: readFactor(found.second_factor),
      roles: splitRoles(found.roles ?? ''),
      defaultRole: found.default_role,
      identities,
    }
  },
}

function readFactor(value: string | null): string | null {
  if (value === null) return null
  const parsed = flag.safeParse(value)
  if (!parsed.success) return value
  return parsed.data === true ? 'second_factor' : null
}
