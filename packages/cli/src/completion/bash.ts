import type { CommandCompletions, OptionCompletions, ProgramCompletions, Value } from './completions.ts'

/**
 * Returns a script for bash 3.2 and newer that does not need the package bash-completion. If the script returns
 * nothing, readline completes paths. From bash 4 on, this is switched off at places where no path is possible.
 */
export function bashCompletion({ program, commands }: ProgramCompletions): string {
  const values = commands.flatMap((command) =>
    command.options.filter(({ value }) => value !== null).map((option) => valueCase(command, option)),
  )
  return `# bash completion for siplet. In ~/.bashrc: source <(siplet completion bash)
_siplet() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command='' word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      ${commands.map(({ name }) => name).join('|')}) command=$word; break ;;
    esac
  done
  # bash makes three words of --option=value.
  if [[ $current == = ]]; then
    current=''
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  case "$command $previous" in
${values.join('\n')}
  esac
  case "$command $current" in
${[{ ...program, name: '' }, ...commands].map(commandCases).join('\n')}
  esac
}

_siplet_words() {
  COMPREPLY=($(compgen -W "$1" -- "$current"))
  compopt +o default +o bashdefault 2>/dev/null
}

complete -o bashdefault -o default -F _siplet siplet
`
}

function valueCase({ name }: CommandCompletions, { flags, value }: OptionCompletions): string {
  return `    ${flags.map((flag) => `'${name} ${flag}'`).join('|')}) ${reply(value!, '; ')}return ;;`
}

function commandCases({ name, options, argument }: CommandCompletions): string {
  const flags = options.flatMap((option) => option.flags)
  return `    '${name} -'*) ${reply({ kind: 'words', words: flags }, ' ')};;\n    '${name} '*) ${reply(argument, ' ')};;`
}

function reply(value: Value, end: string): string {
  if (value.kind === 'path') return ''
  return `_siplet_words '${value.kind === 'words' ? value.words.join(' ') : ''}'${end}`
}
