import { type ProblemCode, problemTable } from '../import/problems.ts'
import type { ImportReport } from '../import/run.ts'
import { count, printable } from './output.ts'

/** The report for people. */
export function describeImport({ source, dryRun, users, roles, identities, problems }: ImportReport): string {
  const lines = [
    `${source}: ${count(users.read, 'user')} read.`,
    users.imported === 0
      ? `Nothing to import${users.present > 0 ? `: ${count(users.present, 'user')} already there` : ''}.`
      : `${dryRun ? 'To import' : 'Imported'}: ${count(users.imported, 'user')}, ${count(roles.granted, 'role grant')}, ${count(identities.linked, 'provider identity', 'provider identities')}, ${count(roles.created, 'new role')}.`,
    ...(users.present > 0 && users.imported > 0
      ? [`Already there, left as they are: ${count(users.present, 'user')}.`]
      : []),
    ...(users.anonymous > 0 ? [`Left out because anonymous: ${count(users.anonymous, 'user')}.`] : []),
    ...(users.refused > 0 ? [`Left out because of a problem: ${count(users.refused, 'user')}.`] : []),
    ...describeProblems(problems),
    ...(dryRun || users.imported === 0 ? ['Nothing was changed.'] : []),
  ]
  return `${lines.join('\n')}\n`
}

function describeProblems({ total, counts, kept }: ImportReport['problems']): string[] {
  if (total === 0) return []
  const codes = Object.keys(counts) as ProblemCode[]
  const width = Math.max(...codes.map((code) => code.length))
  return [
    `${count(total, 'problem')}:`,
    ...codes.map((code) => `  ${code.padEnd(width)}  ${counts[code]}  (${problemTable[code]})`),
    ...kept.map(
      ({ code, userId, username, detail }) =>
        `  ${code.padEnd(width)}  ${userId}  ${printable(username ?? '')}  ${printable(detail)}`,
    ),
    ...(kept.length < total ? [`  … and ${total - kept.length} more`] : []),
  ]
}
