import { writeSync } from 'node:fs'
import { type DestinationStream, type Logger, pino } from 'pino'
import { escapeControls } from './terminal-text.ts'

/**
 * Creates a log of JSON lines. An error (`err`) is logged with type, stack and a message without quoted values, because
 * libraries put statements, answers and header values into messages and further members.
 */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    serializers: { err: (error: unknown) => serializeError(error) },
    // pino escapes the controls of ASCII only, and a log may be read on a terminal.
    hooks: { streamWrite: escapeControls },
  }
  return pino(options, destination ?? createOutput())
}

// In milliseconds.
const longestDelay = 50

// In bytes. A pipe takes as many as a whole (PIPE_BUF), so that the lines of several workers do not mix.
const longestWrite = 4096

/**
 * Creates the standard output for a log. It writes the lines of a moment together, because each write is a job of the
 * thread pool. The package's own `minLength` would keep lines back: a flush during a write does nothing, and
 * `periodicFlush` would write empty texts in an idle process.
 */
function createOutput(): DestinationStream {
  // The package joins the texts that wait for a slow reader, up to this size.
  const output = pino.destination({ dest: 1, maxWrite: longestWrite })
  const { write, flushSync } = output
  let isLost = false
  // A full disk must not stop the gateway. Without an end, the package would repeat the write for ever.
  output.once('error', (error) => {
    isLost = true
    output.destroy()
    reportLoss(error)
  })
  let waiting = ''
  let bytes = 0
  let timer: NodeJS.Timeout | undefined
  const writeWaiting = () => {
    clearTimeout(timer)
    timer = undefined
    if (waiting !== '' && !isLost) write.call(output, waiting)
    waiting = ''
    bytes = 0
  }
  return Object.assign(output, {
    write: (line: string) => {
      const more = Buffer.byteLength(line)
      if (bytes + more > longestWrite) writeWaiting()
      waiting += line
      bytes += more
      timer ??= setTimeout(writeWaiting, longestDelay)
      return true
    },
    /** Writes all lines. pino calls it when the process exits and after a line of level fatal. */
    flushSync: () => {
      writeWaiting()
      if (!isLost) flushSync.call(output)
    },
  })
}

function reportLoss({ message }: Error): void {
  try {
    writeSync(2, `The log ends: ${message}. Correct the standard output, then restart the gateway.\n`)
  } catch {
    // The standard error output may be on the same full disk.
  }
}

function serializeError(error: unknown, depth = 0): unknown {
  if (typeof error === 'string') return error
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, errors } = error as { code?: unknown; errors?: unknown }
  const inner = error instanceof AggregateError && Array.isArray(errors) ? errors[0] : error.cause
  return {
    type: error.name,
    ...(typeof code === 'string' && { code }),
    message: messageOf(error, code),
    stack: error.stack?.match(/^ +at .*$/gm)?.join('\n'),
    ...(inner !== undefined && depth < 4 && { cause: serializeError(inner, depth + 1) }),
  }
}

/** Returns the message without values. Prisma prints the call before the last line; JSON.parse quotes its input. */
function messageOf(error: Error, code: unknown): string {
  if (error instanceof SyntaxError) return 'not shown'
  const { issues } = error as { issues?: { path: PropertyKey[]; message: string }[] }
  if (Array.isArray(issues))
    return issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`).join('; ')
  const lastLine = error.message.trim().split('\n').at(-1)?.slice(0, 300) ?? ''
  // PostgreSQL quotes names of database objects, except in class 22, which quotes values.
  const quotesNames = typeof code === 'string' && /^(?!22|P\d)(?=.*\d)[\dA-Z]{5}$/.test(code)
  return quotesNames ? lastLine : lastLine.replace(/"[^"]*"?/g, '"…"')
}
