/**
 * Parses JSON. Throws SyntaxError for an object with a duplicate member, because parsers treat duplicates differently
 * (RFC 8259, section 4), and for too much nesting, or too many brackets, commas or members.
 */
export function parseJson(text: string): unknown {
  // Counts first, because a megabyte of brackets takes long to parse.
  refuseManyParts(text)
  const value: unknown = JSON.parse(text)
  checkMembers(text)
  return value
}

const maxDepth = 500
const maxMembers = 50_000
const maxParts = 100_000

/** The messages of `parseJson` for JSON that it rejects. */
export const jsonErrors = {
  twice: 'An object has the same member twice',
  deep: `The body is nested deeper than ${maxDepth} levels`,
  many: `The body has more than ${maxMembers} members`,
  parts: `The body has more than ${maxParts} brackets and commas`,
}

const [quote, backslash] = [0x22, 0x5c]
const isPart = new Uint8Array(128)
for (const part of '{}[],') isPart[part.charCodeAt(0)] = 1

/** Throws for too many brackets and commas outside strings. `text` may be invalid JSON. */
function refuseManyParts(text: string): void {
  let parts = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = endOfString(text, at + 1)
    else if (isPart[code] === 1 && ++parts > maxParts) throw new SyntaxError(jsonErrors.parts)
  }
}

function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) return at
    if (code === backslash) at++
  }
  return text.length
}

/**
 * Throws for duplicate or too many members. In an object, a string after `{` or a comma is a name. `text` is valid
 * JSON.
 */
function checkMembers(text: string): void {
  const open: (Set<string> | null)[] = []
  let nameIsNext = false
  let members = 0
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]
    if (sign === '"') {
      const end = endOfString(text, at + 1)
      if (nameIsNext) {
        addName(open.at(-1) as Set<string>, text.slice(at, end + 1))
        if (++members > maxMembers) throw new SyntaxError(jsonErrors.many)
        nameIsNext = false
      }
      at = end
    } else if (sign === '{' || sign === '[') {
      open.push(sign === '{' ? new Set() : null)
      nameIsNext = sign === '{'
      if (open.length > maxDepth) throw new SyntaxError(jsonErrors.deep)
    } else if (sign === '}' || sign === ']') {
      open.pop()
      nameIsNext = false
    } else if (sign === ',') {
      nameIsNext = open.at(-1) !== null
    }
  }
}

function addName(names: Set<string>, literal: string): void {
  const name = literal.includes('\\') ? (JSON.parse(literal) as string) : literal.slice(1, -1)
  if (names.has(name)) throw new SyntaxError(jsonErrors.twice)
  names.add(name)
}
