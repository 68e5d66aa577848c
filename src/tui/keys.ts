/** The one table of what keys do: the update function, the help overlay, the footer and docs/reference/keys.md come from it. */

export type Action =
  | "down"
  | "up"
  | "page-down"
  | "page-up"
  | "half-page-down"
  | "half-page-up"
  | "first"
  | "last"
  | "detail"
  | "back"
  | "sort-next"
  | "sort-previous"
  | "sort-reverse"
  | "filter"
  | "pause"
  | "help"
  | "repaint"
  | "suspend"
  | "quit";

export interface Binding {
  readonly action: Action;
  /** As the terminal names them (blessed's `key.full`). */
  readonly keys: readonly string[];
  /** As people read them. */
  readonly shown: string;
  readonly help: string;
  /** A word for the footer; bindings without one are only in the help. */
  readonly footer?: string;
}

export const BINDINGS: readonly Binding[] = [
  { action: "down", keys: ["down", "j"], shown: "j Down", help: "select the next flow" },
  { action: "up", keys: ["up", "k"], shown: "k Up", help: "select the previous flow" },
  { action: "page-down", keys: ["pagedown", "C-f"], shown: "PgDn ^F", help: "one page down" },
  { action: "page-up", keys: ["pageup"], shown: "PgUp", help: "one page up" },
  { action: "half-page-down", keys: ["C-d"], shown: "^D", help: "half a page down" },
  { action: "half-page-up", keys: ["C-u"], shown: "^U", help: "half a page up" },
  {
    action: "first",
    keys: ["home", "g"],
    shown: "g Home",
    help: "to the top; the first row stays selected, whatever it is",
  },
  { action: "last", keys: ["end", "S-g"], shown: "G End", help: "to the last flow" },
  {
    action: "detail",
    keys: ["enter"],
    shown: "Enter",
    help: "open or close the detail of the selected flow",
    footer: "detail",
  },
  {
    action: "back",
    keys: ["escape"],
    shown: "Esc",
    help: "close what is open, else drop the filter, else back to the top",
  },
  { action: "sort-next", keys: ["s", ">"], shown: "s >", help: "sort by the next column", footer: "sort" },
  { action: "sort-previous", keys: ["<"], shown: "<", help: "sort by the previous column" },
  { action: "sort-reverse", keys: ["S-s"], shown: "S", help: "reverse the order" },
  {
    action: "filter",
    keys: ["/"],
    shown: "/",
    help: "show only flows that match: Enter keeps the filter, Esc the one before",
    footer: "filter",
  },
  {
    action: "pause",
    keys: ["space", "p"],
    shown: "Space",
    help: "hold the screen; the capture goes on",
    footer: "pause",
  },
  { action: "help", keys: ["?", "h"], shown: "?", help: "this help", footer: "help" },
  { action: "repaint", keys: ["C-l"], shown: "^L", help: "paint the screen anew" },
  { action: "suspend", keys: ["C-z"], shown: "^Z", help: "suspend; fg brings it back" },
  { action: "quit", keys: ["q", "C-c"], shown: "q", help: "quit", footer: "quit" },
];

const BY_KEY = new Map(BINDINGS.flatMap((binding) => binding.keys.map((key) => [key, binding.action] as const)));

/** What a key does, if anything. */
export function actionOf(key: string): Action | undefined {
  return BY_KEY.get(key);
}

/** docs/reference/keys.md. */
export function keysPage(): string {
  const rows = BINDINGS.map(
    ({ shown, help }) =>
      `| ${shown
        .split(" ")
        .map((key) => `\`${key}\``)
        .join(" ")} | ${help} |`,
  );
  return `# Keys of the terminal UI

\`^X\` is Ctrl-X. This page is written from the table in \`src/tui/keys.ts\`.

| key | does |
| --- | --- |
${rows.join("\n")}
`;
}
