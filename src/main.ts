import { ConfigError } from './errors.ts'
import { indentLines, writeText } from './observability/terminal-text.ts'
import { messageOf, serve } from './process/serve.ts'

/** EX_CONFIG of sysexits.h. */
const exitConfig = 78

serve(process).catch((error: unknown) => {
  writeText(process.stderr, `Claimgate did not start. ${indentLines(messageOf(error))}\n`)
  process.exit(error instanceof ConfigError ? exitConfig : 1)
})
