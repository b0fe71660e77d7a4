import type { CommandCompletions, OptionCompletions, ProgramCompletions, Value } from './completions.ts'

/** Returns a script for fish: one `complete` for each command and each option. */
export function fishCompletion({ program, commands }: ProgramCompletions): string {
  const lines = [
    '# fish completion for siplet. siplet completion fish > ~/.config/fish/completions/siplet.fish',
    'complete -c siplet -f',
    ...program.options.map((option) => optionLine('__fish_use_subcommand', option)),
    ...commands.flatMap(commandLines),
  ]
  return `${lines.join('\n')}\n`
}

function commandLines({ name, description, options, argument }: CommandCompletions): string[] {
  const within = `__fish_seen_subcommand_from ${name}`
  return [
    `complete -c siplet -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ...(argument.kind === 'unknown' ? [] : [`complete -c siplet -n '${within}' ${values(argument)}`]),
    ...options.map((option) => optionLine(within, option)),
  ]
}

function optionLine(condition: string, { flags, description, value }: OptionCompletions): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
  const taken = value === null ? '' : ` -r ${values(value)}`
  return `complete -c siplet -n '${condition}' ${names.join(' ')}${taken} -d ${quoted(description)}`
}

/** Returns the part of a line that offers files, words, or neither. */
function values(value: Value): string {
  if (value.kind === 'path') return '-F'
  return value.kind === 'words' ? `-f -a '${value.words.join(' ')}'` : '-f'
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`
}
