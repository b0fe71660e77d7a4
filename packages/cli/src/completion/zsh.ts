import type { CommandCompletions, OptionCompletions, ProgramCompletions, Value } from './completions.ts'

/** Returns a script for zsh: a completion function, to be sourced, or saved in a folder of $fpath as _siplet. */
export function zshCompletion({ program, commands }: ProgramCompletions): string {
  return `#compdef siplet
# zsh completion for siplet. In ~/.zshrc, below compinit: source <(siplet completion zsh)
_siplet() {
  local context state state_descr line
  local -A opt_args
  _arguments -C \\
${program.options.map((option) => `${argumentLine(option)} \\`).join('\n')}
    '1: :->command' \\
    '*:: :->arguments'
  case $state in
    command)
      local -a commands=(
${commands.map(({ name, description }) => `        ${quoted(`${name}:${description}`)}`).join('\n')}
      )
      _describe command commands
      ;;
    arguments)
      case $words[1] in
${commands.map(commandCase).join('\n')}
      esac
      ;;
  esac
}

if [[ $funcstack[1] == _siplet ]]; then
  _siplet "$@"
else
  compdef _siplet siplet
fi
`
}

function commandCase({ name, options, argument }: CommandCompletions): string {
  const rest = `    '*:${argument.kind === 'path' ? 'file' : 'argument'}:${action(argument)}'`
  return `        ${name})
          _arguments \\
${indented([...options.map(argumentLine), rest].join(' \\\n'))}
          ;;`
}

/** Returns an option in the form of _arguments: what it excludes, its names, its description and its value. */
function argumentLine({ flags, description, value }: OptionCompletions): string {
  // With the =, values are also completed after --option=.
  const forms = flags.map((flag) => (value !== null && flag.startsWith('--') ? `${flag}=` : flag))
  const names = forms.length > 1 ? `{${forms.join(',')}}` : forms[0]!
  const exclusion = `'(${flags.join(' ')})'`
  const explained = `[${description.replaceAll(/[[\]\\]/g, '\\$&')}]`
  const rest =
    value === null ? explained : `${explained}:${value.placeholder.replaceAll(':', '\\:')}:${action(value)}`
  return `    ${exclusion}${names}${quoted(rest)}`
}

function action(value: Value): string {
  if (value.kind === 'path') return '_files'
  return value.kind === 'words' ? `(${value.words.join(' ')})` : ' '
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '        ')
}
