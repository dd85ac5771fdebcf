/** Why an import ended before its time. `exitCode` is the number of that reason in sysexits.h. */
export class ImportError extends Error {
  readonly exitCode: number

  constructor(reason: keyof typeof exitCodes, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ImportError'
    this.exitCode = exitCodes[reason]
  }
}

const exitCodes = { usage: 64, layout: 65, unreachable: 69, sameDatabase: 78 } as const
