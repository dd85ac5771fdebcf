/**
 * Returns the member of a JSON value at a path such as `app_metadata.org.id`, or undefined. A name may have dots itself.
 * The path goes on inside a text that holds a JSON object or array. Inherited members do not count.
 */
export function readMember(value: unknown, path: string): unknown {
  const object = typeof value === 'string' ? parseObject(value) : value
  if (typeof object !== 'object' || object === null) return undefined
  for (let end = path.length; end > 0; end = path.lastIndexOf('.', end - 1)) {
    const name = path.slice(0, end)
    if (!Object.hasOwn(object, name)) continue
    const member: unknown = object[name as keyof typeof object]
    const found = end === path.length ? member : readMember(member, path.slice(end + 1))
    if (found !== undefined) return found
  }
  return undefined
}

/** Returns the object or array of a JSON text; undefined for any other text. */
export function parseObject(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
