import { describe, expect, it } from "vitest";
import { Frame } from "../../src/capture/frame.ts";
import type { TalkerKey } from "../../src/capture/live/snapshot.ts";
import { FlowView } from "../../src/capture/live/view.ts";
import { ASCII, UNICODE } from "../../src/tui/format.ts";
import { initialModel, type Model, SCREEN_IDS } from "../../src/tui/model.ts";
import { viewRequest } from "../../src/tui/screens.ts";
import { plainText } from "../../src/tui/styled.ts";
import { update } from "../../src/tui/update.ts";
import { render } from "../../src/tui/views/frame.ts";
import { FUNNEL, STRIP, SUBJECT } from "./fake.ts";

/** What acts on terminals, or misleads readers: escapes, C1 controls, bidi controls, blessed's tags. */
const EVIL = "\x1b[2J\x1b]0;x\x07\u009b31m{red-fg}\u202e\r\n\t";

/** A frame with an IPv4 packet of that protocol number. */
function ip(protocol: number, transport: Buffer, from = 1, to = 2): Frame {
  const head = Buffer.alloc(34);
  head.writeUInt16BE(0x0800, 12);
  head[14] = 0x45;
  head.writeUInt16BE(20 + transport.length, 16);
  head.set([64, protocol], 22);
  head.set([10, 0, 0, from, 10, 0, 0, to], 26);
  const data = Buffer.concat([head, transport]);
  return Object.assign(new Frame(), { data, caplen: data.length, origLen: data.length, sec: 1000, linktype: 1 });
}

function udp(from: number, to: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(from, 0);
  head.writeUInt16BE(to, 2);
  head.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([head, payload]);
}

function tcp(from: number, to: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt16BE(from, 0);
  head.writeUInt16BE(to, 2);
  head.writeUInt32BE(1, 4);
  head.set([0x50, 0x18], 12);
  return Buffer.concat([head, payload]);
}

/** A ClientHello with that server name. */
function hello(name: Buffer): Buffer {
  const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
  const sni = Buffer.concat([
    u16(0),
    u16(name.length + 5),
    u16(name.length + 3),
    Buffer.from([0]),
    u16(name.length),
    name,
  ]);
  const body = Buffer.concat([
    u16(0x303),
    Buffer.alloc(32),
    Buffer.from([0]),
    u16(2),
    u16(0x1301),
    Buffer.from([1, 0]),
    u16(sni.length),
    sni,
  ]);
  const message = Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
  return Buffer.concat([Buffer.from([22, 3, 1]), u16(message.length), message]);
}

/** DNS: a question, and the answer that gives 10.0.0.2 that name. */
function dns(name: Buffer, isAnswer: boolean): Buffer {
  const question = Buffer.concat([Buffer.from([name.length]), name, Buffer.from([0, 0, 1, 0, 1])]);
  const head = Buffer.from([1, 2, isAnswer ? 0x81 : 1, 0, 0, 1, 0, isAnswer ? 1 : 0, 0, 0, 0, 0]);
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 2]);
  return Buffer.concat([head, question, ...(isAnswer ? [answer] : [])]);
}

describe("what packets, the switch and the user's files say", () => {
  const evil = Buffer.from(EVIL, "utf8").subarray(0, 60);
  const view = new FlowView({ live: true, ring: 1e6, snaplen: 0 }, 0);
  for (const frame of [
    ip(17, udp(5000, 53, dns(evil, false))),
    ip(17, udp(53, 5000, dns(evil, true)), 2, 1),
    ip(6, tcp(5001, 443, hello(evil))),
    ip(
      6,
      tcp(5002, 80, Buffer.from(`GET /${EVIL} HTTP/1.1\r\nHost: ${EVIL.replace(/[\r\n]/g, "")}\r\n\r\n`, "latin1")),
    ),
    ip(1, Buffer.from([8, 0, 0, 0, 0, 1, 0, 1, ...evil])),
  ]) {
    view.add(frame);
  }
  view.usePorts(new Map([["00:00:00:00:00:00", EVIL]]));
  const context = {
    ...({ state: "running", drops: null, bpf: EVIL, reading: null } as const),
    recording: { path: EVIL, packets: 1, bytes: 1 },
  };

  for (const screen of SCREEN_IDS) {
    it(`never reaches the terminal as it is: ${screen}`, () => {
      for (const pane of ["list", "layers", "bytes"] as const) {
        for (const key of ["host", "app", "ovs-port"] satisfies TalkerKey[]) {
          for (let packet = 1; packet <= 5; packet++) {
            const base = initialModel({ ...SUBJECT, target: EVIL }, { cols: 200, rows: 50 }, 0);
            let state: Model = {
              ...base,
              ...{ screen, strip: { ...STRIP, name: EVIL, sources: EVIL, reason: EVIL } },
              funnel: { ...FUNNEL, warnings: [EVIL], facts: [[EVIL, EVIL]] },
              talkers: { ...base.talkers, key },
              packets: { ...base.packets, pane, following: false, top: 1, selected: packet, layer: 9 },
              notice: { text: EVIL, failed: true, untilMs: 1 },
            };
            const snapshot = view.answer({ ...viewRequest(state), filter: EVIL }, context, 1000);
            state = update(state, { type: "snapshot", snapshot }).model;
            for (const shown of [
              state,
              { ...state, notice: null },
              { ...state, flows: { ...state.flows, pin: { id: 0 } } },
            ]) {
              for (const glyphs of [UNICODE, ASCII]) {
                for (const line of render(shown, glyphs).map(plainText)) {
                  expect(line).toHaveLength(200);
                  expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
                }
              }
            }
          }
        }
      }
    });
  }

  it("is still shown, as escapes", () => {
    const state = { ...initialModel(SUBJECT, { cols: 200, rows: 50 }, 0), screen: "packets" } as Model;
    const snapshot = view.answer(viewRequest(state), context, 1000);
    const lines = render(update(state, { type: "snapshot", snapshot }).model, UNICODE)
      .map(plainText)
      .join("\n");
    expect(lines).toContain("\\x1b[2J");
  });
});
