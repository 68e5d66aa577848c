import { describe, expect, it } from "vitest";
import type { Snapshot, ViewRequest } from "../../src/capture/live/snapshot.ts";
import { initialModel, type Model } from "../../src/tui/model.ts";
import { viewRequest } from "../../src/tui/screens.ts";
import type { Effect } from "../../src/tui/step.ts";
import { type Event, update } from "../../src/tui/update.ts";
import { DETAIL, FILE_SUBJECT, flow, flowsAnswer, NOW, PACKETS, SUBJECT, snapshot, talker } from "./fake.ts";

/** A worker that holds `flows` rows sorted by `rankOf` their id. */
function answerTo(request: ViewRequest, flows: number, rankOf = (id: number): number => id): Partial<Snapshot> {
  const query = request.flows!;
  const order = Array.from({ length: flows }, (_, id) => id).sort((a, b) => rankOf(a) - rankOf(b));
  const pinned = query.pin && query.pin.id < flows ? query.pin.id : null;
  const offset = Math.max(0, Math.min(query.offset, flows - query.rows));
  const ids = order.filter((id) => id !== pinned).slice(offset, offset + query.rows - (pinned === null ? 0 : 1));
  if (pinned !== null) ids.splice(Math.min(query.pin!.line, ids.length), 0, pinned);
  return {
    held: flows,
    flows: flowsAnswer({
      scrollable: flows,
      offset,
      rows: ids.map((id) => flow(id)),
      pinned: pinned === null ? null : { row: flow(pinned), detail: DETAIL },
    }),
  };
}

function answer(state: Model, flows: number, rankOf?: (id: number) => number): Model {
  const request = viewRequest(state);
  const over = answerTo(request, flows, rankOf);
  const { model, effects } = update(state, { type: "snapshot", snapshot: snapshot({ seq: request.seq, ...over }) });
  return effects.some(({ type }) => type === "request") ? answer(model, flows, rankOf) : model;
}

const start = (cols = 80, rows = 24): Model => initialModel(SUBJECT, { cols, rows }, NOW);
const press = (state: Model, ...keys: string[]): Model =>
  keys.reduce((model, key) => update(model, { type: "key", key }).model, state);
const type = (state: Model, text: string): Model =>
  Array.from(text).reduce((model, char) => update(model, { type: "key", key: char, text: char }).model, state);
const effectsOf = (state: Model, event: Event): readonly Effect[] => update(state, event).effects;
const idAt = (state: Model): number | undefined => state.snapshot?.flows?.rows[state.flows.line]?.id;

describe("the cursor of the flows screen", () => {
  it("stays on its line, whatever flow comes to it", () => {
    let state = press(answer(start(), 100), "j", "j");
    expect(state.flows.line).toBe(2);
    expect(idAt(state)).toBe(2);
    // The flow falls to rank 97: the cursor does not go with it.
    state = answer(state, 100, (id) => (id === 2 ? 97.5 : id));
    expect(state.flows).toMatchObject({ line: 2, offset: 0 });
    expect(idAt(state)).toBe(3);
  });

  it("keeps a flow whose detail is open on that line, wherever it sinks, until it is closed", () => {
    let state = answer(press(answer(start(), 100), "j", "enter"), 100);
    expect(state.flows.pin).toEqual({ id: 1 });
    state = answer(state, 100, (id) => (id === 1 ? 97.5 : id));
    expect(state.flows).toMatchObject({ line: 1, offset: 0 });
    expect(idAt(state)).toBe(1);
    state = answer(press(state, "escape"), 100, (id) => (id === 1 ? 97.5 : id));
    expect(state.flows.pin).toBeNull();
    expect(idAt(state)).toBe(2);
  });

  it("shows the next flow's detail when it moves while one is open, also beyond the rows that are known", () => {
    let state = answer(press(answer(start(), 100), "enter"), 100);
    for (let step = 1; step <= 30; step++) {
      state = answer(press(state, "j"), 100);
      expect(state.flows.pin).toEqual({ id: step });
      expect(idAt(state)).toBe(step);
    }
  });

  it("scrolls through all flows and stops at both ends", () => {
    let state = answer(start(), 100);
    for (let step = 0; step < 150; step++) state = answer(press(state, "down"), 100);
    expect(idAt(state)).toBe(99);
    for (let step = 0; step < 30; step++) state = answer(press(state, "pageup"), 100);
    expect(idAt(state)).toBe(0);
    expect(state.flows.offset).toBe(0);
    state = answer(press(state, "end"), 100);
    expect(idAt(state)).toBe(99);
    state = answer(press(state, "home"), 100);
    expect(state.flows).toMatchObject({ offset: 0, line: 0 });
  });

  it("goes back when fewer flows are left than it had scrolled to", () => {
    const state = answer(press(answer(start(), 100), "end"), 5);
    expect(state.flows).toMatchObject({ offset: 0, line: 4 });
  });

  it("is on a row there is after a pane or a smaller screen has taken its line", () => {
    let state = answer(press(answer(start(80, 40), 100), "end"), 100);
    state = answer(update(state, { type: "resize", size: { cols: 80, rows: 15 } }).model, 100);
    expect(idAt(state)).toBe(99);
    state = answer(press(state, "enter"), 100);
    expect(idAt(state)).toBe(99);
    expect(state.flows.pin).toEqual({ id: 99 });
  });
});

describe("update", () => {
  it("ignores an answer to a view that was left", () => {
    const state = answer(start(), 100);
    const late = snapshot({ seq: state.seq, packets: 7 });
    expect(update(press(state, "s"), { type: "snapshot", snapshot: late }).model.snapshot?.packets).not.toBe(7);
  });

  it("goes through every sort column and back", () => {
    let state = start();
    const seen = new Set<string>();
    do {
      seen.add(state.flows.sort);
      state = press(state, "s");
    } while (state.flows.sort !== "rate");
    expect(seen.size).toBe(17);
    expect(press(press(state, ">"), "<").flows.sort).toBe("rate");
    expect(press(state, "S-s").flows.descending).toBe(false);
  });

  it("sorts names upwards and numbers downwards at first, and a file by bytes", () => {
    const sorted = (sort: "state" | "packets"): Model => ({ ...start(), flows: { ...start().flows, sort } });
    expect(press(sorted("state"), "<").flows).toMatchObject({ sort: "name", descending: false });
    expect(press(sorted("packets"), "s").flows).toMatchObject({ sort: "bytes", descending: true });
    expect(initialModel(FILE_SUBJECT, { cols: 80, rows: 24 }, NOW).flows.sort).toBe("bytes");
  });

  it("holds the totals while paused, and still scrolls", () => {
    let state = press(answer(start(), 100), "space");
    expect(viewRequest(state).hold).toBe(true);
    const flows = flowsAnswer({ rows: [flow(9)] });
    state = update(state, { type: "snapshot", snapshot: snapshot({ seq: state.seq, packets: 5, flows }) }).model;
    expect(state.snapshot?.packets).toBe(1_204_031);
    expect(state.snapshot?.flows?.rows).toEqual([flow(9)]);
    expect(viewRequest(press(state, "space")).hold).toBe(false);
  });

  it("goes to every screen by its number and by Tab, and asks only for what is on it", () => {
    const parts = (state: Model): string[] => {
      const request = viewRequest(state);
      return (["overview", "flows", "packets", "talkers"] as const).filter((part) => request[part] !== null);
    };
    for (const [key, part] of Object.entries({ 1: "overview", 2: "flows", 3: "packets", 4: "talkers" })) {
      expect(parts(press(press(start(), "5"), key))).toEqual([part]);
    }
    expect(parts(press(start(), "5"))).toEqual([]);
    let state = start();
    for (const screen of ["packets", "talkers", "mirrors", "overview", "flows"]) {
      state = press(state, "tab");
      expect(state.screen).toBe(screen);
    }
    expect(press(state, "S-tab").screen).toBe("overview");
  });

  it("shows the help of the screen and scrolls it on a short one", () => {
    const state = press(start(80, 15), "?", "pagedown");
    expect(state.help).toBe(13);
    expect(press(state, "escape").help).toBeNull();
    expect(press(state, "s").flows.sort).toBe("rate");
  });

  it("asks for what must happen outside", () => {
    for (const key of ["q", "C-c"]) expect(effectsOf(start(), { type: "key", key })).toEqual([{ type: "quit" }]);
    expect(effectsOf(press(start(), "?"), { type: "key", key: "q" })).toEqual([{ type: "quit" }]);
    expect(effectsOf(start(), { type: "key", key: "C-z" })).toEqual([{ type: "suspend" }]);
    expect(effectsOf(start(), { type: "key", key: "C-l" })).toEqual([{ type: "repaint" }]);
    expect(effectsOf(start(), { type: "tick", nowMs: NOW })).toEqual([{ type: "request" }]);
  });

  it("says of a key without meaning that it has none, and where it has one", () => {
    expect(type(start(), "x").notice?.text).toBe("x does nothing; ? shows the keys");
    expect(type(start(), "a").notice?.text).toContain("only on packets");
    const later = update(type(start(), "x"), { type: "tick", nowMs: NOW + 10_000 }).model;
    expect(later.notice).toBeNull();
  });

  it("quits at once, but a recording only when asked twice", () => {
    const recording = { path: "/tmp/x.pcapng", packets: 1, bytes: 1 };
    const state = { ...start(), snapshot: snapshot({ recording }) };
    const once = update(state, { type: "key", key: "q" });
    expect(once.effects).toEqual([]);
    expect(once.model.notice?.text).toContain("press q again");
    expect(effectsOf(once.model, { type: "key", key: "q" })).toEqual([{ type: "quit" }]);
  });

  it("makes filters of the row under the cursor, and copies it", () => {
    const state = answer(start(), 3);
    const like = "host 10.0.3.1 and host 10.0.9.4 and tcp.dstport == 443";
    expect(press(state, "=").filter).toBe(like);
    expect(press({ ...state, filter: "tcp or udp" }, "+").filter).toBe(`(tcp or udp) and ${like}`);
    expect(press({ ...state, filter: "tcp" }, "-").filter).toBe(`tcp and not (${like})`);
    const [copied] = effectsOf(state, { type: "key", key: "y" });
    expect(copied).toMatchObject({ type: "copy", text: expect.stringContaining("tcp.srcport == 51544") });
    const [bpf] = effectsOf(state, { type: "key", key: "S-y" });
    expect(bpf).toEqual({ type: "copy", text: "tcp and host 10.0.3.1 and host 10.0.9.4 and port 51544 and port 443" });
  });

  it("goes from a flow to its packets and back, moves there, and follows", () => {
    let state = press(answer(start(), 3), "j", "p");
    expect(viewRequest(state).packets).toMatchObject({ scope: { of: "flow", id: 1 }, top: null, selected: null });
    const seen = (model: Model): Model =>
      update(model, { type: "snapshot", snapshot: snapshot({ seq: model.seq, packetList: PACKETS }) }).model;
    state = press(seen(state), "k", "k");
    expect(viewRequest(state).packets).toMatchObject({ top: 1_204_018, selected: 1_204_019, move: -2 });
    state = seen(state);
    expect(viewRequest(state).packets).toMatchObject({ selected: 1_204_019, move: 0 });
    expect(viewRequest(press(state, "a")).packets).toMatchObject({ top: null, selected: null });
    expect(press(state, "escape").packets.scope).toEqual({ of: "filtered" });
  });

  it("links layers and bytes both ways", () => {
    const list = { ...start(), screen: "packets" } as Model;
    let state = update(list, { type: "snapshot", snapshot: snapshot({ packetList: PACKETS }) }).model;
    state = press(state, "]", "j", "j");
    expect(state.packets).toMatchObject({ pane: "layers", layer: 0, field: 1 });
    state = press(state, "]", "right", "j");
    expect(state.packets).toMatchObject({ pane: "bytes", byte: 9, layer: 0, field: 1 });
    expect(press(state, "j").packets).toMatchObject({ byte: 17, layer: 1, field: -1 });
  });

  it("shows the flows of a talker, by any key", () => {
    const talkers = { total: 2, offset: 0, rows: [talker("10.0.3.17", 0.7), talker("10.0.3.22", 0.3)] };
    let state = press(start(), "4");
    state = update(state, { type: "snapshot", snapshot: snapshot({ seq: state.seq, talkers }) }).model;
    expect(press(state, "j", "enter")).toMatchObject({ screen: "flows", filter: "host 10.0.3.22" });
    expect(viewRequest(press(state, "]")).talkers?.key).toBe("port");
    expect(viewRequest(press(state, "[")).talkers?.key).toBe("ovs-port");
  });

  it("chooses columns, keeps one at least, and remembers them", () => {
    const state = press(start(), "c", "space");
    expect(state.flows.columns).not.toContain("proto");
    const [remembered] = effectsOf(state, { type: "key", key: "escape" });
    expect(remembered).toEqual({ type: "remember", columns: state.flows.columns });
    const one = { ...state, flows: { ...state.flows, columns: ["orig"] as const }, chooser: 1 };
    expect(press(one, "space").flows.columns).toEqual(["orig"]);
  });

  it("plays a file slower, faster, stands still, and goes elsewhere", () => {
    const subject = { ...FILE_SUBJECT, played: true };
    const reading = { progress: 0.1, speed: 2, paused: false };
    const state = {
      ...initialModel(subject, { cols: 80, rows: 24 }, NOW),
      snapshot: snapshot({ reading, elapsedMs: 60_000 }),
    };
    const actions = (model: Model, key: string) =>
      effectsOf(model, { type: "key", key }).map((effect) => "action" in effect && effect.action);
    expect(actions(state, ".")).toEqual([{ type: "play", speed: 4 }]);
    expect(actions(state, ",")).toEqual([{ type: "play", speed: 1 }]);
    expect(actions(state, "space")).toEqual([{ type: "play", paused: true }]);
    expect(actions(type(press(state, "S-j"), "2m"), "enter")).toEqual([{ type: "jump", seconds: 120 }]);
    expect(actions(type(press(state, "S-j"), "-90s"), "enter")).toEqual([{ type: "jump", seconds: 0 }]);
    expect(type(press(start(), "S-j"), "").notice?.failed).toBe(true);
  });
});

describe("the prompts", () => {
  /** A worker that lets everything pass, or finds the filter wrong. */
  const judged = (state: Model, filterError: string | null): Model => {
    const { seq, filter } = viewRequest(state);
    const event = {
      type: "snapshot",
      snapshot: snapshot({ seq, filter: filterError ? "" : filter, filterError }),
    } as const;
    return update(state, event).model;
  };
  const text = (state: Model): string | undefined => state.prompt?.line.text;

  it("tries a filter as it is typed, keys that mean something elsewhere included", () => {
    const state = type(press(answer(start(), 10), "/"), "q jk?");
    expect(text(state)).toBe("q jk?");
    expect(viewRequest(state).filter).toBe("q jk?");
    expect(effectsOf(state, { type: "key", key: "x", text: "x" })).toEqual([{ type: "request" }]);
    expect(effectsOf(state, { type: "key", key: "C-c" })).toEqual([{ type: "quit" }]);
  });

  it("keeps the filter on Enter, and goes back to the one before on Esc", () => {
    let state = press(judged(type(press(answer(start(), 10), "/"), "tcp"), null), "enter");
    expect([state.prompt, state.filter, viewRequest(state).filter]).toEqual([null, "tcp", "tcp"]);
    state = type(press(state, "/"), " or udp");
    expect(viewRequest(state).filter).toBe("tcp or udp");
    state = press(state, "escape");
    expect([state.prompt, viewRequest(state).filter]).toEqual([null, "tcp"]);
    expect(viewRequest(press(state, "escape")).filter).toBe("");
  });

  it("brings a filter back that was entered before it was found wrong; keys meanwhile mean what they mean", () => {
    const before = { ...answer(start(), 10), filter: "udp" };
    const entered = press(press(type(press(before, "/", "C-u"), "tcp"), "enter"), "space");
    expect(entered).toMatchObject({ prompt: null, filter: "tcp", pausedMs: NOW });
    expect(judged(entered, null)).toMatchObject({ prompt: null, filter: "tcp" });
    const wrong = judged(entered, "col 1: no");
    expect(wrong).toMatchObject({ prompt: { line: { text: "tcp" } }, filter: "udp" });
    expect(viewRequest(press(wrong, "escape")).filter).toBe("udp");
  });

  it("does not take a wrong filter", () => {
    const wrong = judged(type(press(answer(start(), 10), "/"), "tcp.prt"), "col 1: unknown field tcp.prt");
    expect(text(press(wrong, "enter"))).toBe("tcp.prt");
    const mended = judged(type(press(wrong, ...Array(3).fill("backspace")), "port"), null);
    expect(press(mended, "enter").filter).toBe("tcp.port");
    expect(text(press(mended, "C-u"))).toBe("");
  });

  it("edits in the middle of the line as readline does", () => {
    let state = type(press(answer(start(), 10), "/"), "tcp and udp");
    state = type(press(state, "C-a"), "not ");
    expect(state.prompt?.line).toEqual({ text: "not tcp and udp", cursor: 4 });
    state = press(state, "end", "C-w", "C-w");
    expect(text(state)).toBe("not tcp ");
    state = type(press(state, "left", "left", "backspace"), "X");
    expect(text(state)).toBe("not tXp ");
    expect(text(press(state, "delete"))).toBe("not tX ");
    expect(text(press(state, "C-k"))).toBe("not tX");
    expect(text(press(state, "home", "right", "C-d"))).toBe("nt tXp ");
    expect(text(press(state, "C-u"))).toBe("p ");
  });

  it("completes words, first as far as all agree, then each in turn", () => {
    let state = press(type(press(answer(start(), 10), "/"), "tcp.p"), "tab");
    expect(text(state)).toBe("tcp.port");
    state = press(type(press(answer(start(), 10), "/"), "flow"), "tab");
    expect(text(state)).toBe("flow.");
    state = press(state, "tab");
    expect(text(state)).toBe("flow.app");
    expect(text(press(state, "tab"))).toBe("flow.bytes");
    expect(text(press(type(press(answer(start(), 10), "/"), "zzz"), "tab"))).toBe("zzz");
  });

  it("recalls what was entered before", () => {
    let state = answer(start(), 10);
    for (const filter of ["tcp", "udp"]) state = press(judged(type(press(state, "/", "C-u"), filter), null), "enter");
    state = type(press(state, "/", "C-u"), "ic");
    state = press(state, "up");
    expect(text(state)).toBe("udp");
    state = press(state, "up", "up");
    expect(text(state)).toBe("tcp");
    expect(text(press(state, "down", "down"))).toBe("ic");
  });

  it("takes what is wider than a byte as one character, and no more than a filter can be", () => {
    const state = type(press(answer(start(), 10), "/"), "a\u{1f600}");
    expect(text(press(state, "backspace"))).toBe("a");
    expect(text(type(state, "x".repeat(2000)))!.length).toBeLessThanOrEqual(1001);
  });

  it("saves the flow, what is filtered, or the last seconds", () => {
    const state = answer(start(), 3);
    const enter = (model: Model) => effectsOf(model, { type: "key", key: "enter" });
    expect(text(press(state, "S-w"))).toBe("flow");
    expect(enter(press(state, "S-w"))).toMatchObject([{ action: { type: "save", what: { of: "flow", id: 0 } } }]);
    const typed = (line: string) => enter(type(press(state, "S-w", "C-u"), line));
    expect(typed("last 30s")).toMatchObject([
      { action: { what: { of: "last", seconds: 30 }, path: "tapscope-last-20260102-104207.pcapng" } },
    ]);
    expect(typed("last 2m a b.pcapng")).toMatchObject([
      { action: { what: { of: "last", seconds: 120 }, path: "a b.pcapng" } },
    ]);
    expect(typed("filtered x.pcapng")).toMatchObject([{ action: { what: { of: "filtered" }, path: "x.pcapng" } }]);
    expect(typed("everything")).toEqual([]);
    expect(enter(type(press(state, "e", "C-u"), "json f.json"))).toEqual([
      { type: "capture", action: { type: "export", format: "json", path: "f.json" } },
    ]);
  });

  it("asks for another capture filter, of a live capture only", () => {
    const state = type(press(answer(start(), 3), "S-f"), "port 53");
    expect(effectsOf(state, { type: "key", key: "enter" })).toEqual([
      { type: "capture", action: { type: "capture-filter", bpf: "port 53" } },
    ]);
    const file = { ...initialModel(FILE_SUBJECT, { cols: 80, rows: 24 }, NOW), snapshot: snapshot() };
    expect(press(file, "S-f")).toMatchObject({ prompt: null, notice: { failed: true } });
  });
});
