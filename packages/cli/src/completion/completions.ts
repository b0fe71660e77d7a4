/**
 * What can be completed on the command line, taken from its definition.
 *
 * Libraries that do this were tried and left: @bomb.sh/tab and its like start the program at every press of Tab (0.4 s
 * of processor time), and tab never offers files, which is what most of our options and arguments are.
 */
import type { Argument, Command, Option } from 'commander'

export interface CommandCompletions {
  name: string
  description: string
  options: OptionCompletions[]
  argument: Value
}

export interface OptionCompletions {
  /** Such as `-s` and `--script`. */
  flags: string[]
  description: string
  /** Null where it takes none. */
  value: (Value & { placeholder: string }) | null
}

/** What can stand in a place: one of some words, a path, or something that nobody can guess. */
export type Value = { kind: 'words'; words: readonly string[] } | { kind: 'path' } | { kind: 'unknown' }

/** Placeholders of options that stand for paths. */
const PATHS = ['file', 'script']
/** What is likely, where other values can be given, too. */
const LIKELY: Record<string, string[]> = { speed: ['max', 'real', '2x'] }

export interface ProgramCompletions {
  /** What stands in front of a command; its argument is the command. */
  program: CommandCompletions
  commands: CommandCompletions[]
}

export function completions(program: Command): ProgramCompletions {
  const commands = program.createHelp().visibleCommands(program)
  const argument: Value = { kind: 'words', words: commands.map((command) => command.name()) }
  const all = commands.map(commandCompletions)
  return {
    program: { ...commandCompletions(program), argument },
    commands: all.map((command) => (command.name === 'help' ? { ...command, argument } : command)),
  }
}

function commandCompletions(command: Command): CommandCompletions {
  const options = command.createHelp().visibleOptions(command)
  return {
    name: command.name(),
    description: command.description(),
    options: options.map(optionCompletions),
    argument: argumentValue(command.registeredArguments[0]),
  }
}

function optionCompletions({
  flags,
  short,
  long,
  description,
  required,
  optional,
  argChoices,
}: Option): OptionCompletions {
  const placeholder = /[<[](\S+?)(?:\.\.\.)?[>\]]/.exec(flags)?.[1] ?? ''
  const words = argChoices ?? LIKELY[placeholder]
  const value: Value = words
    ? { kind: 'words', words }
    : { kind: PATHS.includes(placeholder) ? 'path' : 'unknown' }
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    value: required || optional ? { ...value, placeholder } : null,
  }
}

/** Arguments are files and folders unless they are chosen from words. */
function argumentValue(argument: Argument | undefined): Value {
  if (argument === undefined) return { kind: 'unknown' }
  return argument.argChoices ? { kind: 'words', words: argument.argChoices } : { kind: 'path' }
}
