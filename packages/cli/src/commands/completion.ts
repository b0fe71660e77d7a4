import { Argument, Command } from 'commander'
import { bashCompletion } from '../completion/bash.ts'
import { completions } from '../completion/completions.ts'
import { fishCompletion } from '../completion/fish.ts'
import { zshCompletion } from '../completion/zsh.ts'
import { withManual } from '../manual.ts'

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }

/** Prints a completion script. The script contains all data, so pressing Tab starts no process. */
export function completionCommand(): Command {
  return withManual(new Command('completion'), {
    examples: [
      'source <(siplet completion bash)                                     # in ~/.bashrc',
      'source <(siplet completion zsh)                                      # in ~/.zshrc, below compinit',
      'siplet completion fish > ~/.config/fish/completions/siplet.fish',
    ],
  })
    .description('Print a completion script for a shell: commands, options, their values, and files.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .action((shell: keyof typeof SHELLS, _options, command: Command) => {
      process.stdout.write(SHELLS[shell](completions(command.parent!)))
    })
}
