/** The content of the file of a secret, or the reason why it cannot be used, as the end of a sentence. */
export type SecretFile = { content: string } | { problem: string }

/** The files of secrets by their variables, such as `AUTH_SECRET_FILE`. */
export type SecretFiles = ReadonlyMap<string, SecretFile>

type Env = Readonly<Record<string, string | undefined>>

/** The value of a variable with its name in messages, or a problem. */
export type Found = { value: string | undefined; label: string } | { problem: string }

const secretVariables =
  /^(?:DATABASE_(?:DIRECT_)?URL|HASURA_GRAPHQL_ADMIN_SECRET|AUTH_PRIVATE_KEY|AUTH_(?:(?:PREVIOUS|ACTION|WEBHOOK)_)?SECRET|AUTH_\w+_(?:CLIENT_SECRET|PRIVATE_KEY))$/

/** Returns the name of the variable that names the file of a secret; null for a variable without a secret. */
export function fileVariable(name: string): string | null {
  return secretVariables.test(name) ? `${name}_FILE` : null
}

/** Returns the variables in an environment that name the file of a secret, with their paths. */
export function listSecretFiles(env: Env): [variable: string, path: string][] {
  return Object.entries(env).flatMap(([name, path]) =>
    path && name === fileVariable(name.replace(/_FILE$/, '')) ? [[name, path] as [string, string]] : [],
  )
}

/** Finds the value of a variable, in the environment or for a secret in its file. An empty variable counts as unset. */
export function findValue(name: string, env: Env, files: SecretFiles): Found {
  const value = env[name] || undefined
  const variable = fileVariable(name)
  const path = variable === null ? undefined : env[variable] || undefined
  if (variable === null || path === undefined) return { value, label: name }
  if (value !== undefined) return { problem: `${variable} and ${name} are both set: unset one of them` }
  const file = files.get(variable) ?? { problem: 'was not read' }
  if ('problem' in file) return { problem: `${variable} names the file ${path}, which ${file.problem}` }
  return { value: file.content, label: `${variable} (the content of ${path})` }
}

/** Returns true when a variable, or the variable that names its file, has a value. */
export function isGiven(name: string, env: Env): boolean {
  const variable = fileVariable(name)
  return Boolean(env[name] || (variable && env[variable]))
}
