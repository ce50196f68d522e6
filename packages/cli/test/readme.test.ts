import { readFileSync } from 'node:fs'
import type { Command, Option } from 'commander'
import { describe, expect, it } from 'vitest'
import { createProgram } from '../src/program.ts'
import { silentTerminal } from './support/silent-terminal.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const commands = createProgram(silentTerminal, () => undefined).commands

const usual = ({ defaultValue, defaultValueDescription }: Option): string =>
  defaultValue === undefined ? '' : ` (default: ${defaultValueDescription ?? String(defaultValue)})`

/** What the README says of a command: the same as its help. */
function section(command: Command): string {
  const { registeredArguments, options } = command
  const written = registeredArguments.map((one) => {
    const name = one.name() + (one.variadic ? '...' : '')
    return ` [${name}]`
  })
  const rows = [
    ...registeredArguments.map((one) => `| \`${one.name()}\` | ${one.description} |`),
    ...options.filter(({ hidden }) => !hidden).map((one) => `| \`${one.flags}\` | ${one.description}${usual(one)} |`),
  ]
  return [
    `### \`parlance ${command.name()}${written.join('')}\``,
    '',
    `${command.description()}.`,
    '',
    ...(rows.length === 0 ? [] : ['| Argument or option | Meaning |', '|---|---|', ...rows, '']),
  ].join('\n')
}

/** The help as a person sees it, in one line. */
function helpOf(command: Command): string {
  let help = ''
  command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp()
  return help.replaceAll(/\s+/g, ' ')
}

describe('the README', () => {
  it.each(commands.map((command) => [command.name(), command] as const))(
    'says of %s what its help says',
    (_, command) => {
      expect(readme).toContain(section(command))
    },
  )

  it('has a section for each command and no other', () => {
    const sections = [...readme.matchAll(/^### `parlance (\w+)/gm)].map(([, name]) => name)
    expect(sections).toEqual(commands.map((command) => command.name()))
  })

  it('names every exit code that the help names', () => {
    const help = helpOf(createProgram(silentTerminal, () => undefined))
    expect(help).toContain('Exit codes: 0 done, 1 failed or something is wrong, 2 wrongly called.')
    for (const code of [0, 1, 2]) expect(readme).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'))
  })
})

describe('the help', () => {
  it.each(commands.map((command) => [command.name(), command] as const))(
    'of %s has an example that is valid',
    (name, command) => {
      const [, example = ''] = /Example: \$ parlance (.*)$/.exec(helpOf(command).trim()) ?? []
      expect(example.split(' ')[0]).toBe(name)
      expect(readme).toContain(`$ parlance ${example}`)
    },
  )
})
