import { ConfigError } from './errors.ts'
import { messageOf, serve } from './process/serve.ts'

/** What sysexits.h calls EX_CONFIG. */
const exitConfig = 78

serve(process).catch((error: unknown) => {
  process.stderr.write(`Claimgate did not start. ${messageOf(error)}\n`)
  process.exit(error instanceof ConfigError ? exitConfig : 1)
})
