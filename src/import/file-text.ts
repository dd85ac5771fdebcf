import { type FileHandle, open } from 'node:fs/promises'
import { ImportError } from './problems.ts'

/** A regular file that is read as text, more than once. */
export type TextFile = {
  /** Yields the text in parts, from the beginning. A mark of the byte order is left out. */
  read(): AsyncGenerator<string>
  close(): Promise<void>
}

/** Opens a file of text. Throws ImportError `file` when it cannot be read, and `usage` for a pipe or a folder. */
export async function openTextFile(path: string): Promise<TextFile> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch (cause) {
    // The message omits the argument: a URL in the place of the file may contain a password.
    const { code } = cause as NodeJS.ErrnoException
    throw new ImportError('file', `The file of the source cannot be read (${code}).`, cause)
  }
  if (!(await file.stat()).isFile()) {
    await file.close()
    throw new ImportError(
      'usage',
      'The source must be a regular file, because it is read twice. Write a pipe to a file first.',
    )
  }
  const read = () => decode(readBytes(file), 'The file is not UTF-8 text. Convert it to UTF-8.')
  return { read, close: () => file.close() }
}

const partSize = 65_536

async function* readBytes(file: FileHandle): AsyncGenerator<Uint8Array> {
  let position = 0
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(partSize), 0, partSize, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** Decodes UTF-8. Throws ImportError `layout` with `message` for other bytes. */
export async function* decode(input: AsyncIterable<Uint8Array>, message: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decodePart = (chunk?: Uint8Array) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined })
    } catch (cause) {
      throw new ImportError('layout', message, cause)
    }
  }
  for await (const chunk of input) yield decodePart(chunk)
  const rest = decodePart()
  if (rest !== '') yield rest
}

// In characters. A line with a claim of 10,000 characters is far below.
const longestLine = 10_000_000

/** Yields the lines of a text. Throws ImportError `layout` with `message` for a line that no export has. */
export async function* splitLines(texts: AsyncIterable<string>, message: string): AsyncGenerator<string> {
  let rest = ''
  for await (const text of texts) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > longestLine) throw new ImportError('layout', message)
    yield* lines
  }
  if (rest !== '') yield rest
}
