import type { Contract } from '../context.ts'
import { type ErrorCode, errorTable } from '../errors.ts'
import {
  createFindRouteDescription,
  credentialDescriptions,
  errorDescriptions,
  findTypeDescription,
  introduction,
  tags,
} from './descriptions.ts'
import type { Document, Parameter } from './openapi.ts'
import { createDescribeOperation } from './operation.ts'
import { createResponses } from './responses.ts'
import { createSchemas } from './schemas.ts'

/** A route of the router: methods, a path such as `/user/sessions/:id`, and steps with contracts. */
export type Route = {
  methods: readonly string[]
  path: string | RegExp
  stack: readonly object[]
}

export type DocumentDeps = {
  /** The steps that every request passes before its route. */
  everywhere: readonly object[]
  /** The errors that are answered before the first step. */
  connectionErrors: readonly ErrorCode[]
  routes: readonly Route[]
  providers: readonly { name: string; label: string }[]
  publicUrl: string
  cookie: string | null
}

const requestId: Parameter = {
  name: 'X-Request-Id',
  in: 'header',
  required: false,
  description: 'The id of the request, in the log and in the answer. By default the gateway creates one.',
  schema: { type: 'string', pattern: '^[\\w.-]{1,64}$' },
}

/** Creates the API reference as an OpenAPI 3.1 document from the contracts of all steps of all routes. */
export function createDocument(deps: DocumentDeps): Document {
  const schemas = createSchemas(findTypeDescription)
  const responses = createResponses(schemas)
  const describeOperation = createDescribeOperation(schemas, responses)
  const findDescription = createFindRouteDescription(deps.providers)
  const common = [...deps.everywhere, { contract: { errors: deps.connectionErrors } }]

  const paths: Document['paths'] = {}
  for (const { methods, path: pattern, stack } of deps.routes) {
    const path = String(pattern).replace(/:(\w+)/g, '{$1}')
    const contracts = [...common, ...stack].flatMap(
      (step) => (step as { contract?: Contract }).contract ?? [],
    )
    for (const method of methods.filter((each) => each !== 'HEAD')) {
      const operation = describeOperation(contracts, findDescription(`${method} ${path}`))
      const parameters = [...(operation.parameters ?? []), { $ref: '#/components/parameters/RequestId' }]
      paths[path] = { ...paths[path], [method.toLowerCase()]: { ...operation, parameters } }
    }
  }
  return {
    openapi: '3.1.0',
    // The version of the interface changes with every change that clients must follow.
    info: { ...introduction, version: '1', license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: deps.publicUrl, description: 'This gateway.' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: sorted(schemas.components),
      responses: sorted(responses.components),
      parameters: { RequestId: requestId },
      securitySchemes: securitySchemes(deps.cookie, paths),
    },
    'x-errors': (Object.keys(errorTable) as ErrorCode[]).map((code) => ({
      code,
      status: errorTable[code].status,
      title: errorTable[code].title,
      description: errorDescriptions[code],
    })),
  }
}

/** Returns the credentials that at least one route requires. */
function securitySchemes(
  cookie: string | null,
  paths: Document['paths'],
): Document['components']['securitySchemes'] {
  const asked = Object.values(paths).flatMap((path) =>
    Object.values(path).flatMap(({ security }) => security),
  )
  const names = new Set(asked.flatMap((each) => Object.keys(each)))
  const all = {
    accessToken: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: credentialDescriptions.accessToken,
    },
    refreshCookie: {
      type: 'apiKey',
      in: 'cookie',
      name: cookie ?? '',
      description: credentialDescriptions.refreshCookie,
    },
    actionSecret: {
      type: 'apiKey',
      in: 'header',
      name: 'X-Action-Secret',
      description: credentialDescriptions.actionSecret,
    },
    webhookSecret: {
      type: 'apiKey',
      in: 'header',
      name: 'X-Webhook-Secret',
      description: credentialDescriptions.webhookSecret,
    },
  }
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.has(name)))
}

function sorted<T>(components: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1)))
}
