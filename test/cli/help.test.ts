import { access, constants, readdir, readFile, rm } from 'node:fs/promises'
import type { Command } from 'commander'
import { createContext } from '../../src/cli/context.ts'
import { createProgram } from '../../src/cli/program.ts'
import { makeDirectory } from '../_directory.ts'
import test from '../_test.ts'
import { runCommand } from './_command.ts'
import { createFakeProcess, runInProcess } from './_in-process.ts'

let cwd: string
test.before(async () => {
  cwd = await makeDirectory('claimgate-cli')
})
test.after.always(() => rm(cwd, { recursive: true, force: true }))

type Level = { path: string[]; command: Command }

function levels(command: Command, path: string[] = []): Level[] {
  return [{ path, command }, ...command.commands.flatMap((sub) => levels(sub, [...path, sub.name()]))]
}

for (const { path, command } of levels(createProgram(createContext(createFakeProcess(), false)))) {
  const line = ['claimgate', ...path, '--help'].join(' ')
  test(`${line} says what it does, and exits with 0`, async (t) => {
    const { code, stdout, stderr } = await runInProcess([...path, '--help'])
    t.is(code, 0)
    t.is(stderr, '')
    t.regex(stdout, /^Usage: claimgate/)
    t.true(command.description().length > 10)
    const options = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, name]) => name)
    t.true(options.includes('--json'))
    t.is(new Set(options).size, options.length)
    t.false(stdout.includes('[]'))
    if (command.commands.length === 0) t.regex(stdout, /\nExamples:\n {2}\$ .*claimgate/)
    for (const sub of command.commands) {
      t.true(sub.summary().length > 10, sub.name())
      t.true(stdout.includes(`  ${sub.name()}`), sub.name())
    }
  })
}

test('claimgate --help lists the exit codes', async (t) => {
  const { stdout } = await runInProcess(['--help'])
  for (const code of [0, 1, 64, 65, 66, 69, 73, 78, 130]) t.regex(stdout, new RegExp(`\\n +${code} {2}\\w`))
})

test('the process answers --help and --version, and exits with 0', async (t) => {
  const help = await runCommand(['user', 'create', '--help'], cwd)
  t.is(help.code, 0)
  t.deepEqual(help, await runInProcess(['user', 'create', '--help']))
  const version = await runCommand(['--version'], cwd)
  t.is(version.code, 0)
  t.regex(version.stdout, /^\d+\.\d+\.\d+, schema \d{4}_\w+\n$/)
  t.deepEqual(await readdir(cwd), [])
})

test('the process exits with 64 after a usage error', async (t) => {
  const { code, stdout, stderr } = await runCommand(['usr', 'list'], cwd)
  t.is(code, 64)
  t.is(stdout, '')
  t.is(stderr, "claimgate: unknown command 'usr' (Did you mean user?)\n")
  t.deepEqual(await readdir(cwd), [])
})

const mistakes: [string, RegExp][] = [
  ['usr list', /^unknown command 'usr' \(Did you mean user\?\)$/],
  ['user lst', /^unknown command 'lst' \(Did you mean list\?\)$/],
  ['user list --limt 3', /^unknown option '--limt' \(Did you mean --limit\?\)$/],
  ['--jsn', /^unknown option '--jsn' \(Did you mean --json\?\)$/],
  ['user create', /^missing required argument 'username'$/],
  ['user create alice secret-password', /^too many arguments/],
  ['user create alice', /^There is no terminal to ask for the password; give it with --password-stdin$/],
  ['user list --limit 0', /'--limit <number>' argument '0' is invalid/],
  ['user list --limit 1e3', /'--limit <number>' argument '1e3' is invalid/],
  ['role default alice', /^give either a role or --clear$/],
  ['role default alice editor --clear', /^give either a role or --clear$/],
  ['session revoke', /^give the id of a session, --all <user> or --everybody$/],
  ['session revoke 1 --all alice', /^give the id of a session, --all <user> or --everybody$/],
  ['session revoke 1 --everybody', /^give the id of a session, --all <user> or --everybody$/],
  ['session revoke --everybody', /^End all sessions of all users\? Confirm with --yes$/],
  ['role grant editor', /^give a user and then a role, or a role and --users-from <file>$/],
  ['role delete editor --sure', /^unknown option '--sure'/],
  ['user set-email alice', /^give either an address or --clear/],
  ['user set-email alice a@b.test --clear', /^give either an address or --clear/],
  ['user set-email alice --clear --verified', /^give either an address or --clear/],
  ['keys import', /^missing required argument 'pem-file'$/],
  ['keys import - --kid with\u00a0space', /'--kid <kid>' argument .* is invalid/],
  ['serve now', /^too many arguments for 'serve'/],
]
for (const [line, message] of mistakes) {
  test(`claimgate ${line} is a usage error in one line, and in JSON`, async (t) => {
    const plain = await runInProcess(line.split(' '))
    t.is(plain.code, 64)
    t.is(plain.stdout, '')
    t.regex(plain.stderr, /^claimgate: [^\n]+\n$/)
    t.regex(plain.stderr.slice('claimgate: '.length, -1), message)
    const json = await runInProcess(['--json', ...line.split(' ')])
    t.is(json.code, 64)
    t.is(json.stdout, '')
    const { error } = JSON.parse(json.stderr)
    t.is(error.code, 'usage')
    t.regex(error.message, message)
  })
}

for (const words of ['', 'user', 'role']) {
  const line = ['claimgate', words].join(' ').trim()
  test(`${line} prints its help on standard error and exits with 64, as one document with --json`, async (t) => {
    const args = words.split(' ').filter((word) => word !== '')
    const { code, stdout, stderr } = await runInProcess(args)
    t.is(code, 64)
    t.is(stdout, '')
    t.is(stderr, (await runInProcess([...args, '--help'])).stdout)
    const json = await runInProcess(['--json', ...args])
    t.is(json.code, 64)
    t.deepEqual(JSON.parse(json.stderr).error, {
      code: 'usage',
      message: `a command is missing; see: ${line} --help`,
    })
  })
}

test('the build leaves a program that the system can start, as npx does', async (t) => {
  const program = new URL('../../src/cli/main.js', import.meta.url)
  await t.notThrowsAsync(access(program, constants.X_OK))
  t.true((await readFile(program, 'utf8')).startsWith('#!/usr/bin/env node\n'))
})
