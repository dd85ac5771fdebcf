import { type Document, type Operation, type Parameter, resolve } from '../openapi.ts'

const secrets: Record<string, string> = {
  accessToken: '-H "Authorization: Bearer $TOKEN"',
  actionSecret: '-H "X-Action-Secret: $AUTH_ACTION_SECRET"',
}

/**
 * What to type into a shell to try an operation, made of its examples; null where only a browser in the middle of a
 * sign-in can ask.
 */
export function curlOf(
  document: Document,
  method: string,
  path: string,
  operation: Operation,
): string | null {
  const parameters = (operation.parameters ?? []).map((each) => resolve<Parameter>(document, each))
  if (parameters.some((parameter) => parameter.in === 'cookie')) return null
  const example = operation.requestBody?.content['application/json']?.example
  const redirects = '302' in operation.responses
  const parts = [
    'curl',
    ...(method !== 'get' && example === undefined ? [`-X ${method.toUpperCase()}`] : []),
    ...(redirects || '204' in operation.responses ? ['-i'] : []),
    ...operation.security.flatMap((needed) => Object.keys(needed).flatMap((name) => secrets[name] ?? [])),
    quote(`${document.servers[0]?.url}${fill(path, parameters)}`),
  ]
  if (example === undefined) return parts.join(' ')
  return `${parts.join(' ')} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quote(JSON.stringify(example))}`
}

function fill(path: string, parameters: readonly Parameter[]): string {
  const exampleOf = ({ example, schema }: Parameter) => String(example ?? schema.const ?? '')
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(
      parameters
        .filter((each) => each.name === name)
        .map(exampleOf)
        .join(),
    ),
  )
  const asked = parameters.filter((each) => each.in === 'query' && exampleOf(each) !== '')
  const query = asked.map((each) => `${each.name}=${encodeURIComponent(exampleOf(each))}`).join('&')
  return query === '' ? filled : `${filled}?${query}`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
