/** The packets screen: list, layers and bytes of what the ring holds; the marked field's bytes are marked too, and the other way round. */
import type { DissectedLayer, PacketRow, PacketsAnswer } from "../../capture/live/snapshot.ts";
import { formatScaled } from "../../core/units.ts";
import { cells, commas, type Glyphs, secondsText, toWidth, toWidthMiddle } from "../format.ts";
import type { Action } from "../keys.ts";
import { layoutOf } from "../layout.ts";
import type { Model, PacketsState } from "../model.ts";
import { ask, type Step, stay } from "../step.ts";
import { type Line, lineOf, type Span, span } from "../styled.ts";
import { moveOf, type ScreenView } from "./view.ts";

const PANES = ["list", "layers", "bytes"] as const;

export const PACKETS: ScreenView = {
  title: "Packets",
  query: (model) => {
    const { scope, following, top, selected, move } = model.packets;
    return {
      packets: {
        ...{ scope, rows: layoutOf(model).listRows, selected, move },
        top: following ? null : top,
      },
    };
  },
  render,
  status: statusOf,
  act,
};

function render(model: Model, glyphs: Glyphs): Line[] {
  return [...renderList(model, glyphs), ...renderPanes(model, glyphs)];
}

function renderList(model: Model, glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const answer = model.snapshot?.packetList;
  const { listRows } = layoutOf(model);
  const wide = cols >= 100;
  const end = Math.max(16, Math.min(44, Math.floor((cols - 46) / 3)));
  const columns = (
    number: string,
    time: string,
    from: string,
    to: string,
    protocol: string,
    length: string,
    info: string,
  ): string =>
    [
      ...(cols >= 80 ? [toWidth(number, 9, glyphs, "right")] : []),
      ...(wide ? [toWidth(time, 12, glyphs, "right")] : []),
      toWidthMiddle(from, end, glyphs),
      toWidthMiddle(to, end, glyphs),
      toWidth(protocol, 8, glyphs),
      ...(cols >= 80 ? [toWidth(length, 5, glyphs, "right")] : []),
      info,
    ].join(" ");
  const heading = span(`  ${columns("NO.", "TIME", "SOURCE", "DESTINATION", "PROTO", "LEN", "INFO")}`, "heading");
  const lines: Line[] = [lineOf(cols, [heading], [], "heading")];
  for (let index = 0; index < listRows; index++) {
    const row = answer?.rows[index];
    if (!row) {
      lines.push(lineOf(cols, index === 0 ? [span(`  ${emptyReason(model)}`, "dim")] : []));
      continue;
    }
    const text = columns(
      commas(row.number),
      secondsText(row.time),
      ...ends(row, glyphs),
      cells(row.protocol, glyphs),
      String(row.length),
      cells(row.info, glyphs),
    );
    const isSelected = row.number === answer.selected?.number;
    const style = isSelected ? (model.packets.pane === "list" ? "selected" : "title") : "plain";
    lines.push(lineOf(cols, [span(`${isSelected ? ">" : " "} ${text}`, style)], [], isSelected ? style : "plain"));
  }
  return lines;
}

const ends = (row: PacketRow, glyphs: Glyphs): [string, string] => [
  cells(row.source, glyphs),
  cells(row.destination, glyphs),
];

function emptyReason({ snapshot, packets }: Model): string {
  const ring = snapshot?.packetList?.ring;
  if (!snapshot || !ring || snapshot.packets === 0) return "no packets yet";
  if (ring.packets === 0) return "the packet ring is empty";
  if (packets.scope.of === "flow") return "the ring holds no packet of this flow any more (Esc: all packets)";
  return "no packet in the ring belongs to a flow that matches the filter";
}

function renderPanes(model: Model, glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const { paneRows } = layoutOf(model);
  const selected = model.snapshot?.packetList?.selected;
  const { pane } = model.packets;
  const perLine = cols >= 120 ? 16 : 8;
  const bytesWidth = 4 + 2 + perLine * 3 + 1 + perLine;
  const both = cols >= 80;
  const layersWidth = both ? cols - bytesWidth - 3 : cols;
  const title = (name: string, active: boolean): string =>
    `${glyphs.rule}${glyphs.rule} ${active ? `[${name}]` : name} `;
  const heading = both
    ? `${title("layers", pane === "layers").padEnd(layersWidth + 1, glyphs.rule)}${title("bytes", pane === "bytes")}`
    : title(pane === "bytes" ? "bytes" : "layers", pane !== "list");
  const lines: Line[] = [lineOf(cols, [span(heading.padEnd(cols, glyphs.rule), "dim")])];
  if (!selected) return lines;
  const rows = paneRows - 1;
  const marked = markOf(model, selected.layers);
  const layers = layerLines(model, selected.layers, layersWidth, rows, glyphs);
  const bytes = byteLines(model, selected, marked, perLine, rows, glyphs);
  for (let index = 0; index < rows; index++) {
    const left = layers[index] ?? [];
    const right = bytes[index] ?? [];
    if (both) lines.push(lineOf(cols, [...lineOf(layersWidth, left), span(` ${glyphs.wall} `, "dim"), ...right]));
    else lines.push(lineOf(cols, pane === "bytes" ? [span(" "), ...right] : left));
  }
  return lines;
}

/** The bytes of the marked layer or field: `[from, to)`. */
function markOf({ packets }: Model, layers: readonly DissectedLayer[]): readonly [number, number] {
  const layer = layers[Math.min(packets.layer, layers.length - 1)];
  const part = layer?.fields[packets.field] ?? layer;
  return part ? [part.offset, part.offset + part.length] : [0, 0];
}

interface TreeLine {
  readonly layer: number;
  readonly field: number;
  readonly text: string;
}

/** All layers, and the fields of the one the mark is in. */
function treeOf({ packets }: Model, layers: readonly DissectedLayer[], glyphs: Glyphs): TreeLine[] {
  const open = Math.min(packets.layer, layers.length - 1);
  return layers.flatMap(({ title, summary, fields }, layer) => [
    { layer, field: -1, text: `${cells(title, glyphs)}  ${cells(summary, glyphs)}` },
    ...(layer === open
      ? fields.map(({ label, value, name }, field) => ({
          ...{ layer, field },
          text: `  ${cells(label, glyphs)}${value === "" ? "" : `: ${cells(value, glyphs)}`}${name === "" ? "" : `   ${name}`}`,
        }))
      : []),
  ]);
}

function layerLines(
  model: Model,
  layers: readonly DissectedLayer[],
  width: number,
  rows: number,
  glyphs: Glyphs,
): Line[] {
  const tree = treeOf(model, layers, glyphs);
  const at = placeIn(tree, model.packets);
  const top = Math.max(0, Math.min(at - Math.floor(rows / 2), tree.length - rows));
  return tree.slice(top, top + rows).map(({ text, field }, index) => {
    const isMarked = top + index === at;
    const style = isMarked ? (model.packets.pane === "layers" ? "selected" : "marked") : field < 0 ? "label" : "plain";
    return lineOf(width, [span(`${isMarked ? ">" : " "}${text}`, style)], [], isMarked ? style : "plain");
  });
}

function placeIn(tree: readonly TreeLine[], { layer, field }: PacketsState): number {
  const exact = tree.findIndex((line) => line.layer === layer && line.field === field);
  if (exact >= 0) return exact;
  const near = tree.findLastIndex((line) => line.layer <= layer && line.field < 0);
  return Math.max(0, near);
}

function byteLines(
  { packets }: Model,
  { bytes, wireLength }: NonNullable<PacketsAnswer["selected"]>,
  [from, to]: readonly [number, number],
  perLine: number,
  rows: number,
  glyphs: Glyphs,
): Line[] {
  const total = Math.ceil(bytes.length / perLine);
  const focus = Math.floor((packets.pane === "bytes" ? packets.byte : from) / perLine);
  const top = Math.max(0, Math.min(focus - Math.floor(rows / 2), total - rows));
  const lines: Line[] = [];
  for (let line = top; line < Math.min(total, top + rows); line++) {
    const start = line * perLine;
    const spans: Span[] = [span(`${start.toString(16).padStart(4, "0")}  `, "dim")];
    const characters: Span[] = [];
    for (let index = start; index < start + perLine; index++) {
      const byte = bytes[index];
      if (byte === undefined) {
        spans.push(span("   "));
        continue;
      }
      const isCursor = packets.pane === "bytes" && index === packets.byte;
      const style = isCursor ? "selected" : index >= from && index < to ? "marked" : "plain";
      spans.push(span(byte.toString(16).padStart(2, "0"), style), span(" "));
      characters.push(span(byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".", style));
    }
    lines.push([...spans, span(" "), ...characters]);
  }
  if (wireLength > bytes.length && lines.length < rows) {
    lines.push([span(`${glyphs.cut} ${commas(wireLength - bytes.length)} more bytes were not captured`, "dim")]);
  }
  return lines;
}

function statusOf(model: Model, glyphs: Glyphs): { left: Span[]; right: Span[] } {
  const { snapshot, packets } = model;
  const answer = snapshot?.packetList;
  if (!answer) return { left: [], right: [] };
  const { ring, rows, before, after, complete } = answer;
  const total = before + rows.length + after;
  const range = rows.length === 0 ? "none" : `${commas(before + 1)}-${commas(before + rows.length)}`;
  const scope = packets.scopeName || (snapshot.filter === "" ? "" : `filter ${snapshot.filter}`);
  const kept = ring.snaplen === 0 ? "whole" : `first ${ring.snaplen} bytes`;
  return {
    left: [
      span(` packets ${range} of ${commas(total)}${complete ? "" : " so far"}`),
      ...(packets.following ? [span("  following", "good")] : []),
      ...(scope === "" ? [] : [span("  of ", "label"), span(cells(scope, glyphs))]),
    ],
    right: [
      span("ring ", "label"),
      span(
        `${formatScaled(ring.bytes, "B")} of ${formatScaled(ring.capacity, "B")}, ${Math.round(ring.seconds)}s, ${kept} `,
      ),
    ],
  };
}

function act(model: Model, action: Action): Step | null {
  const { packets, snapshot } = model;
  const answer = snapshot?.packetList;
  const change = (part: Partial<PacketsState>): Step => ask({ ...model, packets: { ...packets, ...part } });
  switch (action) {
    case "follow":
      return packets.following
        ? change(frozenAt(packets, answer))
        : change({ following: true, selected: null, move: 0 });
    case "next-part":
    case "previous-part": {
      const at = PANES.indexOf(packets.pane) + (action === "next-part" ? 1 : PANES.length - 1);
      return change({ pane: PANES[at % PANES.length]! });
    }
    case "back":
      if (packets.pane !== "list") return change({ pane: "list" });
      if (packets.scope.of === "flow")
        return change({ scope: { of: "filtered" }, scopeName: "", selected: null, top: 0 });
      return ask({ ...model, filter: "" });
    case "left":
    case "right":
      return packets.pane === "bytes" ? byteMove(model, action === "left" ? -1 : 1) : stay(model);
  }
  if (packets.pane === "list") {
    const by = moveOf(action, layoutOf(model).listRows);
    if (by === null) return null;
    const limited = Math.max(-1e9, Math.min(1e9, by));
    return change({ ...frozenAt(packets, answer), move: packets.move + limited });
  }
  const by = moveOf(action, layoutOf(model).paneRows - 1);
  if (by === null) return null;
  if (packets.pane === "bytes")
    return byteMove(model, Math.max(-1e6, Math.min(1e6, by)) * (model.size.cols >= 120 ? 16 : 8));
  return stay(treeMove(model, by));
}

/** The list stays where it is, the cursor on the packet it was on. */
function frozenAt(packets: PacketsState, answer: PacketsAnswer | null | undefined): Partial<PacketsState> {
  if (!packets.following) return {};
  return { following: false, top: answer?.rows[0]?.number ?? 0, selected: answer?.selected?.number ?? null };
}

function treeMove(model: Model, by: number): Model {
  const layers = model.snapshot?.packetList?.selected?.layers;
  if (!layers || layers.length === 0) return model;
  const tree = layers.flatMap(({ fields }, layer) => [
    { layer, field: -1 },
    ...(layer === model.packets.layer ? fields.map((_, field) => ({ layer, field })) : []),
  ]);
  const at = tree.findIndex(({ layer, field }) => layer === model.packets.layer && field === model.packets.field);
  const to = tree[Math.max(0, Math.min(tree.length - 1, Math.max(0, at) + by))]!;
  return { ...model, packets: { ...model.packets, ...to } };
}

/** Moves the cursor in the bytes; the field that the byte belongs to is marked. */
function byteMove(model: Model, by: number): Step {
  const selected = model.snapshot?.packetList?.selected;
  if (!selected) return stay(model);
  const byte = Math.max(0, Math.min(selected.bytes.length - 1, model.packets.byte + by));
  return stay({ ...model, packets: { ...model.packets, byte, ...fieldAt(selected.layers, byte) } });
}

/** The innermost layer and the narrowest field that hold a byte. */
function fieldAt(layers: readonly DissectedLayer[], byte: number): { layer: number; field: number } {
  const holds = (part: { readonly offset: number; readonly length: number }): boolean =>
    byte >= part.offset && byte < part.offset + part.length;
  const layer = layers.findLastIndex(holds);
  if (layer < 0) return { layer: Math.max(0, layers.length - 1), field: -1 };
  let field = -1;
  layers[layer]!.fields.forEach((candidate, index) => {
    if (holds(candidate) && (field < 0 || candidate.length <= layers[layer]!.fields[field]!.length)) field = index;
  });
  return { layer, field };
}

/** After an answer: the cursor is on the packet it has come to. */
export function settledPackets(model: Model, answer: PacketsAnswer): Model {
  const { packets } = model;
  const layer = Math.max(0, Math.min(packets.layer, (answer.selected?.layers.length ?? 1) - 1));
  const byte = Math.max(0, Math.min(packets.byte, (answer.selected?.bytes.length ?? 1) - 1));
  const field = layer === packets.layer ? packets.field : -1;
  const place = packets.following
    ? {}
    : { move: 0, selected: answer.selected?.number ?? null, top: answer.rows[0]?.number ?? 0 };
  return { ...model, packets: { ...packets, ...place, layer, field, byte } };
}
