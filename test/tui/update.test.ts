import { describe, expect, it } from "vitest";
import { initialModel, type Model, viewRequest } from "../../src/tui/model.ts";
import { type Event, update } from "../../src/tui/update.ts";
import { flow, NOW, SUBJECT, snapshot } from "./fake.ts";

/** A worker that answers every request from `flows` rows sorted by id. */
function answer(state: Model, flows: number, rankOf = (id: number): number => id): Model {
  const request = viewRequest(state);
  const byRank = Array.from({ length: flows }, (_, id) => id).sort((a, b) => rankOf(a) - rankOf(b));
  const rows = byRank.slice(request.offset, request.offset + request.rows).map((id) => flow(id));
  const { selected } = request;
  const rank = selected === null ? -1 : "id" in selected ? byRank.indexOf(selected.id) : selected.rank;
  const id = byRank[rank];
  const { model, effects } = update(state, {
    type: "snapshot",
    snapshot: snapshot({
      seq: request.seq,
      flows,
      scrollable: flows,
      offset: request.offset,
      rows,
      selected: id === undefined ? null : { rank, row: flow(id) },
    }),
  });
  return effects.includes("request") ? answer(model, flows, rankOf) : model;
}

const start = (cols = 80, rows = 24): Model => initialModel(SUBJECT, { cols, rows }, NOW);
const press = (state: Model, ...keys: string[]): Model =>
  keys.reduce((model, key) => update(model, { type: "key", key }).model, state);
const effectsOf = (state: Model, event: Event) => update(state, event).effects;

describe("update", () => {
  it("leaves the cursor on the first row until it is moved, then follows the flow", () => {
    let state = answer(start(), 100);
    expect(viewRequest(state).selected).toBeNull();
    state = press(state, "j", "j");
    expect(viewRequest(state).selected).toEqual({ id: 2 });
    // The followed flow falls to rank 97 and the screen goes with it.
    state = answer(state, 100, (id) => (id === 2 ? 97.5 : id));
    expect(state.selected).toEqual({ id: 2 });
    const { offset, rows } = viewRequest(state);
    expect(offset + rows).toBe(98);
  });

  it("scrolls through all flows and stops at both ends", () => {
    let state = answer(start(), 100);
    for (let step = 0; step < 150; step++) state = answer(press(state, "down"), 100);
    expect(state.selected).toEqual({ id: 99 });
    for (let step = 0; step < 30; step++) state = answer(press(state, "pageup"), 100);
    expect(state.selected).toEqual({ id: 0 });
    expect(state.offset).toBe(0);
    state = answer(press(state, "end"), 100);
    expect(state.selected).toEqual({ id: 99 });
    state = answer(press(state, "home"), 100);
    expect(state.selected).toBeNull();
  });

  it("ignores an answer to a view that was left", () => {
    const state = answer(start(), 100);
    const late = snapshot({ seq: state.seq, packets: 7 });
    expect(update(press(state, "s"), { type: "snapshot", snapshot: late }).model.snapshot?.packets).not.toBe(7);
  });

  it("lets go of a flow that is gone", () => {
    let state = press(answer(start(), 10), "j");
    state = answer(state, 0);
    expect(state.selected).toBeNull();
  });

  it("goes back when fewer flows are left than it had scrolled to", () => {
    let state = answer(press(answer(start(), 100), "end"), 100);
    state = answer({ ...state, selected: null }, 5);
    expect(state.offset).toBe(0);
    expect(state.snapshot?.rows).toHaveLength(5);
  });

  it("goes through every sort column and back", () => {
    let state = start();
    const seen = new Set<string>();
    do {
      seen.add(state.sort);
      state = press(state, "s");
    } while (state.sort !== "rate");
    expect(seen.size).toBe(9);
    expect(press(press(state, ">"), "<").sort).toBe("rate");
    expect(press(state, "S-s").descending).toBe(false);
  });

  it("sorts names upwards and numbers downwards at first", () => {
    expect(press({ ...start(), sort: "duration" }, "s")).toMatchObject({ sort: "proto", descending: false });
    expect(press({ ...start(), sort: "packets" }, "s")).toMatchObject({ sort: "bytes", descending: true });
  });

  it("holds the totals while paused, and still scrolls", () => {
    let state = press(answer(start(), 100), "space");
    expect(viewRequest(state).hold).toBe(true);
    state = update(state, {
      type: "snapshot",
      snapshot: snapshot({ seq: state.seq, packets: 5, rows: [flow(9)] }),
    }).model;
    expect(state.snapshot?.packets).toBe(1_204_031);
    expect(state.snapshot?.rows).toEqual([flow(9)]);
    expect(viewRequest(press(state, "space")).hold).toBe(false);
  });

  it("opens the detail of the flow under the cursor and follows it", () => {
    const state = press(answer(start(), 100), "enter");
    expect(state.detail).toBe(true);
    expect(state.selected).toEqual({ id: 0 });
    expect(press(state, "escape").detail).toBe(false);
    expect(press(answer(start(), 0), "enter").detail).toBe(false);
  });

  it("shows the help and scrolls it on a short screen", () => {
    const state = press(start(80, 15), "?", "pagedown");
    expect(state).toMatchObject({ help: true, helpOffset: 6 });
    expect(press(state, "escape").help).toBe(false);
    expect(press(state, "s").sort).toBe("rate");
  });

  it("asks for what must happen outside", () => {
    for (const key of ["q", "C-c"]) expect(effectsOf(start(), { type: "key", key })).toEqual(["quit"]);
    expect(effectsOf(press(start(), "?"), { type: "key", key: "q" })).toEqual(["quit"]);
    expect(effectsOf(start(), { type: "key", key: "C-z" })).toEqual(["suspend"]);
    expect(effectsOf(start(), { type: "key", key: "C-l" })).toEqual(["repaint"]);
    expect(effectsOf(start(), { type: "key", key: "x" })).toEqual([]);
    expect(effectsOf(start(), { type: "tick", nowMs: NOW })).toEqual(["request"]);
  });

  describe("the filter's prompt", () => {
    const type = (state: Model, text: string): Model =>
      Array.from(text).reduce((model, char) => update(model, { type: "key", key: char, text: char }).model, state);
    /** A worker that lets everything pass, or finds the filter wrong. */
    const judged = (state: Model, filterError: string | null): Model => {
      const { seq, filter } = viewRequest(state);
      const event = {
        type: "snapshot",
        snapshot: snapshot({ seq, filter: filterError ? "" : filter, filterError }),
      } as const;
      return update(state, event).model;
    };

    it("tries what is typed at once, keys that mean something elsewhere included", () => {
      const state = type(press(answer(start(), 10), "/"), "q jk?");
      expect(state.prompt).toBe("q jk?");
      expect(viewRequest(state).filter).toBe("q jk?");
      expect(effectsOf(state, { type: "key", key: "x", text: "x" })).toEqual(["request"]);
      expect(effectsOf(state, { type: "key", key: "C-c" })).toEqual(["quit"]);
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
      expect(wrong).toMatchObject({ prompt: "tcp", filter: "udp" });
      expect(viewRequest(press(wrong, "escape")).filter).toBe("udp");
    });

    it("does not take a wrong filter", () => {
      const wrong = judged(type(press(answer(start(), 10), "/"), "tcp.prt"), "col 1: unknown field tcp.prt");
      expect(press(wrong, "enter").prompt).toBe("tcp.prt");
      const mended = judged(type(press(wrong, ...Array(3).fill("backspace")), "port"), null);
      expect(press(mended, "enter").filter).toBe("tcp.port");
      expect(press(mended, "C-u").prompt).toBe("");
    });

    it("takes what is wider than a byte as one character, and no more than a filter can be", () => {
      const state = type(press(answer(start(), 10), "/"), "a\u{1f600}");
      expect(press(state, "backspace").prompt).toBe("a");
      expect(type(state, "x".repeat(2000)).prompt!.length).toBe(1000);
    });
  });
});
