import type { Command } from 'commander'
import type { Check } from '../doctor/check.ts'
import { type CommandContext, print } from './context.ts'
import { CommandError } from './failure.ts'
import { count, examples, type Output, table } from './output.ts'

type Flags = { hasura?: string; hasuraSecret?: string }

/** Registers `doctor`. */
export function registerDoctor(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .summary('check a deployment, with a solution for each problem')
    .description(
      'Checks the configuration, the database, the keys, the gateway at its public URL, and Hasura with --hasura. Changes nothing. The exit code is 1 when a check failed.',
    )
    .option('--hasura <url>', 'the URL of Hasura')
    .option('--hasura-secret <secret>', 'the admin secret of Hasura; HASURA_GRAPHQL_ADMIN_SECRET is safer')
    .addHelpText(
      'after',
      examples(
        'claimgate doctor',
        'HASURA_GRAPHQL_ADMIN_SECRET=… claimgate doctor --hasura http://localhost:8081',
      ),
    )
    .action(async (flags: Flags) => {
      const output = formatChecks(await examine(context, flags))
      if (output.document.failed > 0) context.exitCode = 1
      print(context, output)
    })
}

async function examine(context: CommandContext, { hasura, hasuraSecret }: Flags): Promise<Check[]> {
  const { parseEndpoint } = await import('../hasura/metadata-request.ts')
  const endpoint = hasura === undefined ? null : parseEndpoint(hasura)
  if (hasura !== undefined && endpoint === null)
    throw new CommandError('usage', '--hasura must be an http(s) URL without a password')
  const { readSecretVariable } = await import('../process/secret-files.ts')
  const { examineDeployment } = await import('./doctor-deployment.ts')
  const { examineHasura } = await import('./doctor-hasura.ts')
  const secret = () => hasuraSecret ?? readSecretVariable('HASURA_GRAPHQL_ADMIN_SECRET', context.process.env)
  const { checks, found } = await examineDeployment(context, secret)
  return [...checks, ...(await examineHasura(endpoint, secret(), found))]
}

function formatChecks(
  checks: readonly Check[],
): Output & { document: { checks: readonly Check[]; failed: number; warnings: number; skipped: number } } {
  const of = (status: Check['status']) => checks.filter((check) => check.status === status).length
  const rows = checks.map((check) => [
    check.status,
    check.name,
    'cure' in check ? `${check.detail}. Solution: ${check.cure}` : check.detail,
  ])
  const counts = { failed: of('failed'), warnings: of('warning'), skipped: of('skipped') }
  const warned = counts.warnings > 0 ? `${count(counts.warnings, 'warning')}, ` : ''
  const summary = `${count(checks.length, 'check')}: ${of('ok')} ok, ${counts.failed} failed, ${warned}${counts.skipped} skipped.`
  return {
    document: { checks, ...counts },
    text: `${table(['STATUS', 'CHECK', 'FINDING'], rows, '')}\n\n${summary}`,
  }
}
