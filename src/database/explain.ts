import { codesOf } from './failures.ts'

const wrongPassword = 'Correct user and password in DATABASE_URL.'
const missingDatabase =
  'Create it with CREATE DATABASE, or correct the name in DATABASE_URL. A pooler must have it in its own settings.'

/**
 * Refusals that do not end by themselves: the code and the message of the server or pooler, and what to do. A server may
 * speak any language, so its code decides. A pooler has one code for all refusals, and speaks English.
 */
const cures: [code: RegExp, message: RegExp, cure: string][] = [
  [
    /./,
    /no encryption|SSL off|(SSL|TLS) required|requires? (an )?(SSL|TLS)/i,
    'The server requires TLS: add ?sslmode=require to DATABASE_URL, or set PGSSLMODE.',
  ],
  [
    /./,
    /does not support SSL/,
    'The server has no TLS: remove sslmode from DATABASE_URL and PGSSLMODE, or set it to disable.',
  ],
  [/^28P01$/, /./, wrongPassword],
  [/^08P01$/, /(password|SASL) authentication failed|no such user/, wrongPassword],
  [
    /^XX000$/,
    /tenant or user not found/i,
    'Correct the user in DATABASE_URL: the pooler of Supabase expects the user and the project, such as postgres.project.',
  ],
  [/^3D000$/, /./, missingDatabase],
  [/^08P01$/, /database .* does not exist|no such database/, missingDatabase],
  [
    /^28...$|^08P01$/,
    /pg_hba\.conf/,
    "Allow this user, database and address in the server's pg_hba.conf, or correct DATABASE_URL. If the server requires TLS, add ?sslmode=require.",
  ],
  [/^28...$/, /./, 'Correct the user in DATABASE_URL, or create it with CREATE ROLE … LOGIN.'],
  [
    /^08P01$/,
    /unsupported startup parameter/,
    "Add the parameter to ignore_startup_parameters in the pooler's settings.",
  ],
  [
    /./,
    /statement pooling mode/,
    'Set pool_mode to transaction or session in the pooler: mode statement has no transactions.',
  ],
  [
    /^25006$/,
    /./,
    'Set DATABASE_URL to the primary, or name all hosts in it: postgres://user@first,second/database.',
  ],
  [
    /^42501$/,
    /schema/i,
    'As the owner of the schema, run GRANT USAGE, CREATE ON SCHEMA, with the names of schema and user. Since PostgreSQL 15 only the owner may create tables in public.',
  ],
  [
    /^42501$/,
    /./,
    'Grant the user in DATABASE_URL this right, or migrate as the owner of the tables: claimgate migrate.',
  ],
]

/** Returns what to do about a database that refuses this user, name or connection; undefined for another error. */
export function findCure(error: unknown): string | undefined {
  const messages = messagesOf(error)
  const codes = [...codesOf(error), 'none']
  return cures.find(
    ([code, message]) => codes.some((each) => code.test(each)) && messages.some((each) => message.test(each)),
  )?.[2]
}

function messagesOf(error: unknown): string[] {
  if (error instanceof AggregateError) return error.errors.flatMap(messagesOf)
  return error instanceof Error ? [error.message, ...messagesOf(error.cause)] : []
}
