type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined }

/** Writes plain data as YAML. A text that could be read as anything else is in quotes; members without a value are left out. */
export function toYaml(value: unknown): string {
  return `${lines(value as Json).join('\n')}\n`
}

function lines(value: Json): string[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return ['[]']
    return value.flatMap((item: Json) =>
      lines(item).map((line, index) => (index === 0 ? `- ${line}` : `  ${line}`)),
    )
  }
  if (typeof value !== 'object' || value === null) return [scalar(value as Exclude<Json, object>)]
  const entries = Object.entries(value).filter(([, member]) => member !== undefined)
  if (entries.length === 0) return ['{}']
  return entries.flatMap(([name, member]) => {
    const inner = lines(member as Json)
    const isBlock = typeof member === 'object' && member !== null && Object.keys(member).length > 0
    return isBlock
      ? [`${scalar(name)}:`, ...inner.map((line) => `  ${line}`)]
      : [`${scalar(name)}: ${inner[0]}`]
  })
}

function scalar(value: string | number | boolean | null): string {
  const isPlain =
    typeof value === 'string' &&
    /^[a-z_][\w-]*$/i.test(value) &&
    !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value)
  return isPlain ? value : JSON.stringify(value)
}
