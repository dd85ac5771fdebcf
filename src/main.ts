import { ConfigError } from './errors.ts'
import { messageOf, serve } from './process/serve.ts'

/** EX_CONFIG of sysexits.h. */
const exitConfig = 78

serve(process).catch((error: unknown) => {
  process.stderr.write(`Claimgate did not start. ${messageOf(error)}\n`)
  process.exit(error instanceof ConfigError ? exitConfig : 1)
})
