/** `tapscope completion bash|zsh|fish`: a shell's completion, made from the command tree. */
import { Argument, type Command, type Option } from "commander";
import { print } from "./context.ts";
import { pathOf } from "./dry-run.ts";
import { everyCommand } from "./help/help.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

export function registerCompletion(program: Command): void {
  program
    .command("completion")
    .description("what a shell has to read to complete tapscope's commands and options")
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .action((shell: Shell) => print(completionScript(program, shell)));
}

/** The script for a shell. */
export function completionScript(program: Command, shell: Shell): string {
  if (shell === "fish") return fishScript(program);
  const bash = bashScript(program);
  // zsh runs bash's completions (zshcompsys(1), bashcompinit).
  return shell === "bash" ? bash : `#compdef tapscope\nautoload -U +X bashcompinit && bashcompinit\n${bash}`;
}

function visibleOptions(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function flagsOf(options: readonly Option[]): string[] {
  return options.flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined));
}

/** What may stand after each command: its subcommands, the choices of its arguments, its options and the global ones. */
function bashScript(program: Command): string {
  const global = flagsOf(visibleOptions(program));
  const cases = everyCommand(program).map((command) => {
    const words = [
      ...command.commands.map((sub) => sub.name()),
      ...command.registeredArguments.flatMap((it) => it.argChoices ?? []),
    ];
    const flags = [...new Set([...flagsOf(visibleOptions(command)), ...global])];
    return `    '${pathOf(command)}') words='${words.join(" ")}' flags='${flags.join(" ")}' ;;`;
  });
  const choices = everyCommand(program).flatMap((command) =>
    visibleOptions(command).flatMap(({ long, argChoices }) =>
      argChoices ? [`    '${pathOf(command)} ${long}') words='${argChoices.join(" ")}' flags= ;;`] : [],
    ),
  );
  const valued = [
    ...new Set(
      everyCommand(program).flatMap((command) => flagsOf(visibleOptions(command).filter(({ required }) => required))),
    ),
  ];
  return `# bash completion of tapscope: source <(tapscope completion bash)
_tapscope() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path= word words= flags= index skip=
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [ -n "$skip" ]; then skip=; continue; fi
    case " ${valued.join(" ")} " in *" $word "*) skip=yes; continue ;; esac
    case $word in -*) continue ;; esac
    _tapscope_words "\${path:+$path }$word" && path=\${path:+$path }$word
  done
  COMPREPLY=()
  if _tapscope_words "$path $previous" || { [ -z "$skip" ] && _tapscope_words "$path"; }; then
    case $current in -*) words=$flags ;; esac
    while read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$current")
  fi
}
_tapscope_words() {
  case $1 in
${[...cases, ...choices].join("\n")}
    *) return 1 ;;
  esac
}
complete -o bashdefault -o default -F _tapscope tapscope`;
}

function fishScript(program: Command): string {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = everyCommand(program).flatMap((command) => {
    const path = pathOf(command);
    const at = `-n ${quoted(`__tapscope_at ${path}`)}`;
    const subs = command.commands.map(
      (sub) => `complete -c tapscope -f ${at} -a ${sub.name()} -d ${quoted(sub.description())}`,
    );
    const choices = command.registeredArguments.flatMap((it) => it.argChoices ?? []);
    if (choices.length > 0) subs.push(`complete -c tapscope -f ${at} -a ${quoted(choices.join(" "))}`);
    // The program's own options stand before and after every command.
    const where = command === program ? "" : ` -n ${quoted(`__tapscope_in ${path}`)}`;
    const options = visibleOptions(command).map(({ short, long, description, required, argChoices }) => {
      const names = [...(short ? [`-s ${short.slice(1)}`] : []), ...(long ? [`-l ${long.slice(2)}`] : [])].join(" ");
      const value = argChoices ? ` -x -a ${quoted(argChoices.join(" "))}` : required ? " -r" : "";
      return `complete -c tapscope${where} ${names}${value} -d ${quoted(description)}`;
    });
    return [...subs, ...options];
  });
  return `# fish completion of tapscope: tapscope completion fish > ~/.config/fish/completions/tapscope.fish
function __tapscope_words
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; or echo $word
    end
end
function __tapscope_at
    set -l words (__tapscope_words)
    test "$words" = "$argv"
end
function __tapscope_in
    set -l words (__tapscope_words)
    test (count $words) -ge (count $argv); and test "$words[1..(count $argv)]" = "$argv"
end
${lines.join("\n")}`;
}
