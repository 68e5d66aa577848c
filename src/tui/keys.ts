/**
 * The one table of what keys do: the update function, the help overlay, the footer and docs/reference/keys.md come from it. A key may
 * mean different things on different screens, never two on one.
 */
import { SCREEN_IDS, type ScreenId } from "./model.ts";

export type Action =
  | ScreenId
  | "next-screen"
  | "previous-screen"
  | "down"
  | "up"
  | "left"
  | "right"
  | "page-down"
  | "page-up"
  | "half-page-down"
  | "half-page-up"
  | "first"
  | "last"
  | "open"
  | "back"
  | "previous-part"
  | "next-part"
  | "sort-next"
  | "sort-previous"
  | "sort-reverse"
  | "freeze-order"
  | "toggle-ended"
  | "toggle-names"
  | "columns"
  | "packets-of-flow"
  | "copy-filter"
  | "copy-bpf"
  | "filter-add"
  | "filter-exclude"
  | "filter-replace"
  | "follow"
  | "filter"
  | "capture-filter"
  | "save"
  | "record"
  | "export"
  | "pause"
  | "slower"
  | "faster"
  | "jump"
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
  /** Where it means something; default everywhere. */
  readonly screens?: readonly ScreenId[];
  readonly help: string;
  /** A word for the footer; bindings without one are only in the help. */
  readonly footer?: string;
}

const LISTS: readonly ScreenId[] = ["flows", "packets", "talkers"];
const SORTED: readonly ScreenId[] = ["flows", "talkers"];

export const BINDINGS: readonly Binding[] = [
  { action: "overview", keys: ["1"], shown: "1", help: "screen: overview" },
  { action: "flows", keys: ["2"], shown: "2", help: "screen: flows" },
  { action: "packets", keys: ["3"], shown: "3", help: "screen: packets" },
  { action: "talkers", keys: ["4"], shown: "4", help: "screen: talkers" },
  { action: "mirrors", keys: ["5"], shown: "5", help: "screen: mirrors" },
  { action: "next-screen", keys: ["tab"], shown: "Tab", help: "the next screen" },
  { action: "previous-screen", keys: ["S-tab"], shown: "S-Tab", help: "the previous screen" },
  { action: "down", keys: ["down", "j"], shown: "j Down", screens: LISTS, help: "down one line" },
  { action: "up", keys: ["up", "k"], shown: "k Up", screens: LISTS, help: "up one line" },
  { action: "left", keys: ["left"], shown: "Left", screens: ["packets"], help: "in the bytes: to the byte before" },
  { action: "right", keys: ["right"], shown: "Right", screens: ["packets"], help: "in the bytes: to the next byte" },
  { action: "page-down", keys: ["pagedown", "C-f"], shown: "PgDn ^F", screens: LISTS, help: "one page down" },
  { action: "page-up", keys: ["pageup"], shown: "PgUp", screens: LISTS, help: "one page up" },
  { action: "half-page-down", keys: ["C-d"], shown: "^D", screens: LISTS, help: "half a page down" },
  { action: "half-page-up", keys: ["C-u"], shown: "^U", screens: LISTS, help: "half a page up" },
  { action: "first", keys: ["home", "g"], shown: "g Home", screens: LISTS, help: "to the top" },
  { action: "last", keys: ["end", "S-g"], shown: "G End", screens: LISTS, help: "to the end" },
  {
    action: "open",
    keys: ["enter"],
    shown: "Enter",
    screens: ["flows"],
    help: "open or close the detail of the flow; while it is open the flow stays on its line",
    footer: "detail",
  },
  {
    action: "open",
    keys: ["enter"],
    shown: "Enter",
    screens: ["talkers"],
    help: "show only the flows of this talker",
    footer: "its flows",
  },
  {
    action: "packets-of-flow",
    keys: ["p"],
    shown: "p",
    screens: ["flows"],
    help: "the packets of this flow",
    footer: "packets",
  },
  {
    action: "follow",
    keys: ["a"],
    shown: "a",
    screens: ["packets"],
    help: "follow the newest packets, or stay",
    footer: "follow",
  },
  {
    action: "previous-part",
    keys: ["["],
    shown: "[",
    screens: ["overview", "packets", "talkers"],
    help: "packets: the pane before; talkers: the key before; overview: 1 s or 10 s a step",
  },
  {
    action: "next-part",
    keys: ["]"],
    shown: "]",
    screens: ["overview", "packets", "talkers"],
    help: "packets: the next pane; talkers: the next key; overview: 1 s or 10 s a step",
    footer: "next pane/key",
  },
  {
    action: "filter",
    keys: ["/"],
    shown: "/",
    help: "show only flows that match a display filter: Tab completes, Up and Down recall, Enter keeps it",
    footer: "filter",
  },
  {
    action: "sort-next",
    keys: ["s", ">"],
    shown: "s >",
    screens: SORTED,
    help: "sort by the next column",
    footer: "sort",
  },
  { action: "sort-previous", keys: ["<"], shown: "<", screens: SORTED, help: "sort by the previous column" },
  { action: "sort-reverse", keys: ["S-s"], shown: "S", screens: SORTED, help: "reverse the order" },
  {
    action: "back",
    keys: ["escape"],
    shown: "Esc",
    help: "one step back: close what is open, drop the scope, the filter, go to the top",
  },
  {
    action: "freeze-order",
    keys: ["o"],
    shown: "o",
    screens: ["flows"],
    help: "keep the order of rows, or sort again",
  },
  { action: "toggle-ended", keys: ["m"], shown: "m", screens: ["flows"], help: "hide or show flows that have ended" },
  {
    action: "toggle-names",
    keys: ["n"],
    shown: "n",
    screens: ["flows"],
    help: "hide or show names learned from DNS answers (~)",
  },
  {
    action: "columns",
    keys: ["c"],
    shown: "c",
    screens: ["flows"],
    help: "choose the columns; the choice is remembered",
    footer: "columns",
  },
  {
    action: "filter-add",
    keys: ["+"],
    shown: "+",
    screens: SORTED,
    help: "add to the filter: only what is like this row",
  },
  {
    action: "filter-exclude",
    keys: ["-"],
    shown: "-",
    screens: SORTED,
    help: "add to the filter: nothing that is like this row",
  },
  { action: "filter-replace", keys: ["="], shown: "=", screens: SORTED, help: "filter: only what is like this row" },
  { action: "copy-filter", keys: ["y"], shown: "y", screens: ["flows"], help: "copy this flow as a display filter" },
  { action: "copy-bpf", keys: ["S-y"], shown: "Y", screens: ["flows"], help: "copy this flow as a capture filter" },
  {
    action: "save",
    keys: ["S-w"],
    shown: "W",
    help: "save packets of the ring: of this flow, of the filtered flows, of the last seconds, or all",
    footer: "save",
  },
  {
    action: "record",
    keys: ["w"],
    shown: "w",
    help: "record packets to a file from now on, or stop",
    footer: "record",
  },
  { action: "export", keys: ["e"], shown: "e", help: "write the flows to a file, as CSV or JSON" },
  {
    action: "capture-filter",
    keys: ["S-f"],
    shown: "F",
    help: "another capture filter; the mirror's counts cannot be compared then",
  },
  {
    action: "pause",
    keys: ["space"],
    shown: "Space",
    help: "hold the screen, the capture goes on; a played file stands still",
    footer: "pause",
  },
  { action: "slower", keys: [","], shown: ",", help: "play the file at half the speed" },
  { action: "faster", keys: ["."], shown: ".", help: "play the file at twice the speed" },
  { action: "jump", keys: ["S-j"], shown: "J", help: "go to a time of the played file" },
  { action: "help", keys: ["?", "h"], shown: "?", help: "this help", footer: "help" },
  { action: "repaint", keys: ["C-l"], shown: "^L", help: "paint the screen anew" },
  { action: "suspend", keys: ["C-z"], shown: "^Z", help: "suspend; fg brings it back" },
  { action: "quit", keys: ["q", "C-c"], shown: "q", help: "quit", footer: "quit" },
];

/** The bindings that mean something on a screen. */
export function bindingsOf(screen: ScreenId): readonly Binding[] {
  return BINDINGS.filter(({ screens }) => screens === undefined || screens.includes(screen));
}

const BY_KEY: Readonly<Record<ScreenId, ReadonlyMap<string, Action>>> = Object.fromEntries(
  SCREEN_IDS.map((screen) => [
    screen,
    new Map(bindingsOf(screen).flatMap(({ keys, action }) => keys.map((key) => [key, action] as const))),
  ]),
) as Record<ScreenId, Map<string, Action>>;

/** What a key does on a screen, if anything. */
export function actionOf(screen: ScreenId, key: string): Action | undefined {
  return BY_KEY[screen].get(key);
}

/** Keys of the line at the bottom (line-editor.ts, prompts.ts). */
export const PROMPT_KEYS: readonly (readonly [shown: string, help: string])[] = [
  ["Enter", "take what is typed; a filter that is wrong is not taken"],
  ["Esc", "close the line; the filter before comes back"],
  ["Tab", "complete the word, then the next word that fits"],
  ["Up Down", "what was typed before"],
  ["Left Right ^B ^F", "one character back or on"],
  ["Home End ^A ^E", "to the beginning, to the end"],
  ["^W", "delete the word before the cursor"],
  ["^U ^K", "delete everything before, after the cursor"],
  ["Backspace Del ^D", "delete a character"],
];

const code = (shown: string): string =>
  shown
    .split(" ")
    .map((key) => `\`${key}\``)
    .join(" ");

/** docs/reference/keys.md. */
export function keysPage(): string {
  const rows = BINDINGS.map(
    ({ shown, help, screens }) => `| ${code(shown)} | ${screens?.join(", ") ?? "all"} | ${help} |`,
  );
  const prompt = PROMPT_KEYS.map(([shown, help]) => `| ${code(shown)} | ${help} |`);
  return `# Keys of the terminal UI

\`^X\` is Ctrl-X, \`S-Tab\` Shift-Tab. This page is written from the tables in \`src/tui/keys.ts\`; \`?\` shows the keys of the screen you are on.

| key | screen | does |
| --- | --- | --- |
${rows.join("\n")}

## While a line is typed at the bottom

| key | does |
| --- | --- |
${prompt.join("\n")}
`;
}
