import { type Document, type Operation, type Parameter, resolve } from './openapi.ts'

/** An operation with its method and path. */
export type Place = { method: string; path: string; operation: Operation }

const credentials: Record<string, [header: string, value: string]> = {
  accessToken: ['Authorization', 'Bearer $TOKEN'],
  actionSecret: ['X-Action-Secret', '$AUTH_ACTION_SECRET'],
  webhookSecret: ['X-Webhook-Secret', '$AUTH_WEBHOOK_SECRET'],
}

/** Returns example requests by language. An operation that requires the cookie of a running sign-in has no examples. */
export function examplesOf(document: Document, { method, path, operation }: Place): Record<string, string> {
  const { requestBody, responses, security } = operation
  const parameters = (operation.parameters ?? []).map((each) => resolve<Parameter>(document, each))
  if (parameters.some((parameter) => parameter.in === 'cookie')) return {}
  // A form comes from the page of a provider.
  if (requestBody && !requestBody.content['application/json']) return {}
  const url = `${document.servers[0]?.url}${fill(path, parameters)}`
  const body = JSON.stringify(requestBody?.content['application/json']?.example)
  const verb = method.toUpperCase()
  const needed = [...new Set(security.flatMap((each) => Object.keys(each)))]
  const sent = needed.flatMap((name) => (credentials[name] ? [credentials[name]] : []))
  const headers = [...sent, ...(body ? [['Content-Type', 'application/json']] : [])]
  const setsCookie = JSON.stringify(responses).includes('"Set-Cookie"')
  const options = {
    ...(verb !== 'GET' && { method: verb }),
    ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
    ...((setsCookie || needed.includes('refreshCookie')) && { credentials: 'include' }),
    ...(body && { body: '' }),
  }
  const init = JSON.stringify(options, null, 2)
    .replace(/"(\w+)":/g, '$1:')
    .replace('body: ""', () => `body: JSON.stringify(${body})`)
  const to = JSON.stringify(url) + (init === '{}' ? '' : `, ${init}`)
  return {
    curl: [
      `curl -i ${verb === 'GET' ? '' : `-X ${verb} `}${quote(url)}`,
      ...headers.map(([name, value]) => `-H "${name}: ${value}"`),
      ...(body ? [`-d ${quote(body)}`] : []),
    ].join(' \\\n  '),
    // The browser must navigate: fetch cannot follow a redirect to a provider.
    JavaScript: '302' in responses ? `location.assign(${to})` : `await fetch(${to})`,
  }
}

function fill(path: string, parameters: readonly Parameter[]): string {
  const textOf = ({ example, schema }: Parameter) => encodeURIComponent(String(example ?? schema.const ?? ''))
  const query = parameters.filter((each) => each.in === 'query' && textOf(each) !== '')
  return parameters
    .reduce((filled, each) => filled.replace(`{${each.name}}`, textOf(each)), path)
    .concat(...query.map((each, at) => `${at === 0 ? '?' : '&'}${each.name}=${textOf(each)}`))
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
