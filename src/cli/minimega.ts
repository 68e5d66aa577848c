/**
 * minimega's own words: those with one meaning here are run as what they mean, the others are answered with it (the user's manual of
 * minimega, "tap", "bridge", "capture"). One row a form; `<x>` stands for any word, `<x:n>` for a number.
 */
import { UsageError } from "../core/errors.ts";
import { shellQuote } from "../core/text.ts";

interface Form {
  readonly words: string;
  readonly means: string;
  /** Why it is not simply done; absent: it is. */
  readonly because?: string;
}

const FORMS: readonly Form[] = [
  { words: "tap create <vlan> name <tap>", means: "tap create <vlan> --name <tap>" },
  { words: "tap create <vlan> bridge <bridge>", means: "tap create <vlan> --bridge <bridge>" },
  { words: "tap create <vlan> bridge <bridge> name <tap>", means: "tap create <vlan> --bridge <bridge> --name <tap>" },
  { words: "tap create <vlan> ip dhcp", means: "tap create <vlan> --dhcp" },
  { words: "tap create <vlan> ip dhcp <tap>", means: "tap create <vlan> --dhcp --name <tap>" },
  { words: "tap create <vlan> dhcp", means: "tap create <vlan> --dhcp" },
  { words: "tap create <vlan> dhcp <tap>", means: "tap create <vlan> --dhcp --name <tap>" },
  { words: "tap create <vlan> ip <cidr>", means: "tap create <vlan> --ip <cidr>" },
  { words: "tap create <vlan> ip <cidr> <tap>", means: "tap create <vlan> --ip <cidr> --name <tap>" },
  { words: "tap create <vlan> bridge <bridge> dhcp", means: "tap create <vlan> --bridge <bridge> --dhcp" },
  {
    words: "tap create <vlan> bridge <bridge> dhcp <tap>",
    means: "tap create <vlan> --bridge <bridge> --dhcp --name <tap>",
  },
  { words: "tap create <vlan> bridge <bridge> ip <cidr>", means: "tap create <vlan> --bridge <bridge> --ip <cidr>" },
  {
    words: "tap create <vlan> bridge <bridge> ip <cidr> <tap>",
    means: "tap create <vlan> --bridge <bridge> --ip <cidr> --name <tap>",
  },
  { words: "tap mirror <vm> <i:n> <vm2> <j:n>", means: "mirror create vm:<vm>:<i> vm:<vm2>:<j>" },
  { words: "tap mirror <source> <output>", means: "mirror create <source> <output>" },
  { words: "tap mirror <source> <output> <bridge>", means: "mirror create <source> <output> --bridge <bridge>" },
  { words: "clear tap mirror", means: "mirror delete all" },
  {
    words: "clear tap mirror <vm> all",
    means: "mirror delete vm:<vm>",
    because: "a mirror of each of the machine's NICs is meant: name each, vm:<vm>:1 the second",
  },
  { words: "clear tap mirror <vm> <i:n>", means: "mirror delete vm:<vm>:<i>" },
  { words: "clear tap mirror <output>", means: "mirror delete <output>" },
  {
    words: "clear tap",
    means: "mirror delete all && tapscope tap delete all",
    because: "it deletes all mirrors and then all taps: that is two commands here",
  },
  { words: "bridge tunnel <type> <bridge> <ip> <key>", means: "bridge tunnel <type> <bridge> <ip> --key <key>" },
  {
    words: "capture pcap bridge <bridge> <file>",
    means: "capture --bridge <bridge> -w <file>",
    because: "it runs until Ctrl-C here, not in the background",
  },
  {
    words: "capture pcap vm <vm> <i:n> <file>",
    means: "capture --mirror vm:<vm>:<i> -w <file>",
    because: "it runs until Ctrl-C here, not in the background",
  },
  {
    words: "capture netflow bridge <bridge> <file>",
    means: "watch --bridge <bridge> --text --json > <file>",
    because: "flows are written as JSON, in the foreground",
  },
  { words: "vm info", means: "vm list" },
  {
    words: "nuke",
    means: "clean --all",
    because: "what a live process holds stays",
  },
];

/** Global options with a value. */
const WITH_VALUE = new Set(["--db", "--lab", "--private-key", "--certificate", "--ca-cert"]);
const ALONE = new Set(["--json", "--dry-run", "-v", "--verbose", "--no-color"]);

/**
 * The arguments to run in place of minimega's words.
 * @param onTranslated gets the command that is run instead
 * @returns `argv` itself where it is none of theirs @throws UsageError with the translation for those that are not simply run
 */
export function fromMinimega(argv: readonly string[], onTranslated: (command: string) => void): readonly string[] {
  const globals: string[] = [];
  const words: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (WITH_VALUE.has(word)) globals.push(word, argv[++at] ?? "");
    else if (ALONE.has(word)) globals.push(word);
    else if (word.startsWith("-") && words[0] !== "clear") return argv;
    else words.push(word);
  }
  for (const { words: form, means, because } of FORMS) {
    const values = match(form.split(" "), words);
    if (!values) continue;
    const meant = means.split(" ").map((part) => part.replace(/<(\w+)>/g, (_, name: string) => values.get(name)!));
    const program = shellQuote(["tapscope", ...globals]);
    const quoted = meant.map((part) => (part === "&&" || part === ">" ? part : shellQuote([part])));
    const command = [program, ...quoted.map((part) => (part === "tapscope" ? program : part))].join(" ");
    if (because !== undefined) {
      const why = because.replace(/<(\w+)>/g, (_, name: string) => values.get(name)!);
      throw new UsageError(`minimega's '${words.join(" ")}': ${why}`, { hint: command });
    }
    onTranslated(command);
    return [...globals, ...meant];
  }
  // Commander would propose "clean", which deletes other things.
  if (words[0] === "clear")
    throw new UsageError(`no command is called '${words.join(" ")}'`, {
      hint: "tapscope mirror delete, tapscope tap delete; captures end with Ctrl-C",
    });
  return argv;
}

function match(form: readonly string[], words: readonly string[]): Map<string, string> | undefined {
  if (form.length !== words.length) return undefined;
  const values = new Map<string, string>();
  for (const [index, part] of form.entries()) {
    const word = words[index]!;
    const place = /^<(\w+)(:n)?>$/.exec(part);
    if (!place && part !== word) return undefined;
    if (place?.[2] && !/^\d+$/.test(word)) return undefined;
    if (place) values.set(place[1]!, word);
  }
  return values;
}
