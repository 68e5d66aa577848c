/** The talkers screen: who sends and receives most, by host, port, application, VLAN, MAC address or OVS port. */
import type { TalkerKey, TalkerRow } from "../../capture/live/snapshot.ts";
import { formatBitRate, formatScaled } from "../../core/units.ts";
import { combine } from "../filters.ts";
import { bar, cells, commas, count, type Glyphs, toWidth, toWidthMiddle } from "../format.ts";
import type { Action } from "../keys.ts";
import { layoutOf } from "../layout.ts";
import type { Model, TalkersState } from "../model.ts";
import { ask, type Step, stay } from "../step.ts";
import { type Line, lineOf, type Span, span } from "../styled.ts";
import { refilter } from "./flows.ts";
import { moved, moveOf, type ScreenView } from "./view.ts";

const KEYS: readonly TalkerKey[] = ["host", "port", "app", "vlan", "mac", "ovs-port"];
const SORTS = ["rate", "sent", "received", "flows", "name"] as const;

export const TALKERS: ScreenView = {
  title: "Talkers",
  query: (model) => {
    const { key, sort, descending, offset } = model.talkers;
    return { talkers: { key, sort, descending, offset, rows: rowsOf(model) } };
  },
  render,
  status: (model, glyphs) => ({
    left: statusOf(model, glyphs),
    right: [
      span("sort ", "label"),
      span(`${model.talkers.sort} ${model.talkers.descending ? glyphs.down : glyphs.up} `),
    ],
  }),
  act,
};

/** Without the line of keys and the heading. */
function rowsOf(model: Model): number {
  return Math.max(1, layoutOf(model).bodyRows - 2);
}

function render(model: Model, glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const { key, line } = model.talkers;
  const keys = KEYS.flatMap((name) => [
    span(name === key ? `[${name}]` : ` ${name} `, name === key ? "title" : "dim"),
    span(" "),
  ]);
  const lines: Line[] = [lineOf(cols, [span(" by ", "label"), ...keys])];
  const heading = talkerHeading(cols, key);
  lines.push(lineOf(cols, [span(heading, "heading")], [], "heading"));
  const rows = model.snapshot?.talkers?.rows ?? [];
  if (rows.length === 0) return [...lines, lineOf(cols, [span("  nobody yet", "dim")])];
  rows.forEach((row, index) => {
    const style = index === line ? "selected" : "plain";
    lines.push(
      lineOf(cols, [span(`${index === line ? ">" : " "} ${talkerCells(row, cols, glyphs)}`, style)], [], style),
    );
  });
  return lines;
}

/** Cells of the name, and whether packets and shares fit too. */
function talkerWidths(cols: number): { name: number; packets: boolean; share: number } {
  const packets = cols >= 100;
  const share = cols >= 120 ? 16 : cols >= 80 ? 8 : 0;
  const rest = 2 + 7 + 9 * 2 + 9 + (packets ? 20 : 0) + (share > 0 ? share + 7 : 5);
  return { name: Math.max(15, Math.min(46, cols - rest - 1)), packets, share };
}

export function talkerHeading(cols: number, key: string): string {
  const { name, packets, share } = talkerWidths(cols);
  return [
    ` ${key.toUpperCase().padEnd(name + 1)}`,
    "FLOWS".padStart(6),
    ...(packets ? ["TX PKTS".padStart(9)] : []),
    "TX".padStart(8),
    ...(packets ? ["RX PKTS".padStart(9)] : []),
    "RX".padStart(8),
    "RATE".padStart(8),
    ...(share > 0 ? ["SHARE".padEnd(share)] : []),
  ].join(" ");
}

export function talkerCells(row: TalkerRow, cols: number, glyphs: Glyphs): string {
  const { name, packets, share } = talkerWidths(cols);
  return [
    toWidthMiddle(cells(row.name, glyphs), name, glyphs),
    toWidth(count(row.flows, 6), 6, glyphs, "right"),
    ...(packets ? [count(row.sentPackets, 9).padStart(9)] : []),
    formatScaled(row.sentBytes, "B").padStart(8),
    ...(packets ? [count(row.receivedPackets, 9).padStart(9)] : []),
    formatScaled(row.receivedBytes, "B").padStart(8),
    formatBitRate(Math.round(row.rateBps)).padStart(8),
    ...(share > 0 ? [bar(row.share, share, glyphs)] : []),
    `${Math.round(row.share * 100)}%`.padStart(4),
  ].join(" ");
}

function statusOf({ snapshot }: Model, glyphs: Glyphs): Span[] {
  const answer = snapshot?.talkers;
  if (!answer) return [];
  const range =
    answer.rows.length === 0 ? "none" : `${commas(answer.offset + 1)}-${commas(answer.offset + answer.rows.length)}`;
  const filter = snapshot.filter === "" ? [] : [span("  filter ", "label"), span(cells(snapshot.filter, glyphs))];
  return [span(` talkers ${range} of ${commas(answer.total)}`), ...filter];
}

function act(model: Model, action: Action): Step | null {
  const { talkers } = model;
  const answer = model.snapshot?.talkers;
  const row = answer?.rows[talkers.line];
  const change = (part: Partial<TalkersState>): Step => ask({ ...model, talkers: { ...talkers, ...part } });
  const by = moveOf(action, rowsOf(model));
  if (by !== null) return answer ? change(moved(talkers, by, answer.total, rowsOf(model))) : stay(model);
  switch (action) {
    case "next-part":
    case "previous-part": {
      const at = KEYS.indexOf(talkers.key) + (action === "next-part" ? 1 : KEYS.length - 1);
      return change({ key: KEYS[at % KEYS.length]!, offset: 0, line: 0 });
    }
    case "sort-next":
      return change(sortBy(talkers, 1));
    case "sort-previous":
      return change(sortBy(talkers, -1));
    case "sort-reverse":
      return change({ descending: !talkers.descending });
    case "open":
      return row && row.filter !== "" ? refilter({ ...model, screen: "flows" }, row.filter) : stay(model);
    case "filter-add":
    case "filter-exclude":
      if (!row || row.filter === "") return stay(model);
      return refilter(model, combine(model.filter, row.filter, action === "filter-exclude"));
    case "filter-replace":
      return row && row.filter !== "" ? refilter(model, row.filter) : stay(model);
    case "back":
      return model.filter === "" ? change({ offset: 0, line: 0 }) : ask({ ...model, filter: "" });
    default:
      return null;
  }
}

function sortBy({ sort }: TalkersState, step: 1 | -1): Partial<TalkersState> {
  const next = SORTS[(SORTS.indexOf(sort) + step + SORTS.length) % SORTS.length]!;
  return { sort: next, descending: next !== "name", offset: 0 };
}
