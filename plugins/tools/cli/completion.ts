import { registry } from "@denoise/denoise/registry";
import { Argument, type Command, type Option } from "commander";
import { knownModels, shortName } from "./names.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** Asks the program for what may stand next: a line each. */
const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `_denoise() {
  local IFS=$'\\n'
  COMPREPLY=($(denoise complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ \${#COMPREPLY[@]} -eq 0 ]] && compopt -o default
}
complete -F _denoise denoise`,
  zsh: `#compdef denoise
_denoise() {
  local -a found
  found=("\${(@f)$(denoise complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -- $found; else _files; fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i; }
compdef _denoise denoise`,
  fish: `function __denoise
  set -l found (denoise complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
  if set -q found[1]
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c denoise -f -a '(__denoise)'`,
};

/** Adds `completion SHELL`, and the command that its script calls. */
export function addCompletion(program: Command): void {
  program.command("completion")
    .description("print what completes commands in a shell: source <(denoise completion bash)")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText(
      "after",
      "\nFor every new shell, a line in its file:" +
        "\n  ~/.bashrc                   source <(denoise completion bash)" +
        "\n  ~/.zshrc                    source <(denoise completion zsh)" +
        "\n  ~/.config/fish/config.fish  denoise completion fish | source",
    )
    .action((shell: (typeof SHELLS)[number]) => console.log(SCRIPTS[shell]));
  program.command("complete", { hidden: true })
    .argument("[words...]")
    .action(async (words: string[]) => {
      const found = await complete(program, words);
      if (found.length > 0) console.log(found.join("\n"));
    });
}

/** What may stand in the place of the last word; nothing where it may be any file or text. */
export async function complete(program: Command, words: readonly string[]): Promise<string[]> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  let command = program;
  for (const word of before) {
    command = command.commands.find((one) => one.name() === word || one.aliases().includes(word)) ??
      command;
  }
  const option = command.options.find(({ long, short }) =>
    before.length > 0 && [long, short].includes(before.at(-1))
  );
  const isHidden = (one: Command) => (one as unknown as { _hidden?: boolean })._hidden;
  const found = option !== undefined && option.required
    ? await valuesOf(option)
    : typed.startsWith("-")
    ? command.options.flatMap(({ long }) => long ?? [])
    : [
      ...command.commands.filter((one) => !isHidden(one)).map((one) => one.name()),
      ...command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
    ];
  return found.filter((one) => one.startsWith(typed));
}

async function valuesOf({ long, argChoices }: Option): Promise<readonly string[]> {
  if (argChoices !== undefined) return argChoices;
  if (long === "--model") return await knownModels();
  if (long === "--scheduler") return registry.names("scheduler").map(shortName);
  if (long === "--device") return ["auto", "cpu", "cuda", "tensorrt", "webgpu", "coreml", "dml"];
  return [];
}
