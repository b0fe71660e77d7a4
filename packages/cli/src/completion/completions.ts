/**
 * Derives what can be completed on the command line from the definitions of the commands.
 *
 * We tried libraries for this and rejected them. @bomb.sh/tab and similar ones start the program at every press of Tab
 * (0.4 s of CPU time), and tab never offers files, which most of our options and arguments take.
 */
import type { Argument, Command, Option } from 'commander'

export interface CommandCompletions {
  name: string
  description: string
  options: OptionCompletions[]
  argument: Value
}

export interface OptionCompletions {
  /** For example `-s` and `--script`. */
  flags: string[]
  description: string
  /** Null if the option takes no value. */
  value: (Value & { placeholder: string }) | null
}

/** The possible values at one place: some words, a path, or something that nobody can guess. */
export type Value = { kind: 'words'; words: readonly string[] } | { kind: 'path' } | { kind: 'unknown' }

/** Placeholders of options that take a path. */
const PATHS = ['file', 'script']
/** Likely values of options that also take other values. */
const LIKELY: Record<string, string[]> = { speed: ['max', 'real', '2x'] }

export interface ProgramCompletions {
  /** Options before a command. Its argument is the command. */
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

/** Arguments are files and folders, unless they have a list of words. */
function argumentValue(argument: Argument | undefined): Value {
  if (argument === undefined) return { kind: 'unknown' }
  return argument.argChoices ? { kind: 'words', words: argument.argChoices } : { kind: 'path' }
}
