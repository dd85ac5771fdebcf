import { createLog } from '../../src/observability/log.ts'

// Logs many lines at once and then ends the process in the way that its argument names.

const endings: Record<string, () => void> = {
  'its last work': () => {},
  'process.exit': () => process.exit(0),
  'an uncaught error': () => {
    throw new Error('a mistake')
  },
}

const log = createLog('info')
for (let line = 0; line < 1_000; line++) log.info({ line }, 'a line of the log')
endings[process.argv[2] ?? '']?.()
