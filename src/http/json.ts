/**
 * JSON.parse that refuses an object with the same member twice, where parsers disagree about which one counts
 * (RFC 8259, section 4), and what is nested deeper or has more members than any honest request. Throws SyntaxError.
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  checkMembers(text)
  return value
}

const maxDepth = 500
const maxMembers = 50_000

/** What `parseJson` says of JSON that it refuses all the same. */
export const faults = {
  twice: 'An object has the same member twice',
  deep: `The body is nested deeper than ${maxDepth} levels`,
  many: `The body has more than ${maxMembers} members`,
}

const token = /"(?:[^"\\]|\\.)*"|[{}[\],]/g

/** `text` is known to be JSON, so a string is a member's name exactly when it comes first or after a comma in an object. */
function checkMembers(text: string): void {
  const open: (Set<string> | null)[] = []
  let nameIsNext = false
  let members = 0
  for (const [part] of text.matchAll(token)) {
    if (part === '{' || part === '[') {
      open.push(part === '{' ? new Set() : null)
      nameIsNext = part === '{'
      if (open.length > maxDepth) throw new SyntaxError(faults.deep)
    } else if (part === '}' || part === ']') {
      open.pop()
      nameIsNext = false
    } else if (part === ',') {
      nameIsNext = open.at(-1) !== null
    } else if (nameIsNext) {
      const names = open.at(-1) as Set<string>
      const name = JSON.parse(part) as string
      if (names.has(name)) throw new SyntaxError(faults.twice)
      names.add(name)
      if (++members > maxMembers) throw new SyntaxError(faults.many)
      nameIsNext = false
    }
  }
}
