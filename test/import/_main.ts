import { runCommand } from './_command.ts'

process.exitCode = await runCommand(
  process.argv.slice(2),
  { env: process.env, pageSize: Number(process.env.PAGE_SIZE ?? 1000) },
  process.stdout,
  process.stderr,
)
