/** Control and format characters: they can move the cursor, change the terminal, or turn text around. */
export const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/**
 * Escapes control and format characters, except line feeds and tabs. The escapes are the ones of JSON, so that a JSON
 * document stays valid and has the same content.
 */
export function escapeControls(text: string): string {
  // Most texts are ASCII, and this check costs less.
  if (!/[^\t\n -~]/.test(text)) return text
  return text.replace(unprintable, (character) =>
    character === '\n' || character === '\t' ? character : escapeUnits(character),
  )
}

function escapeUnits(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}

/** Indents the lines of a message after the first: text of others cannot look like a message of its own. */
export function indentLines(message: string): string {
  return message.replace(/\n(?! )/g, '\n  ')
}

/** Writes a text to a stream that may be a terminal. The text may have parts of others: nothing raw reaches the stream. */
export function writeText(stream: { write(text: string): unknown }, text: string): void {
  stream.write(escapeControls(text))
}
