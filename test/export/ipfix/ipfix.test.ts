import { describe, expect, it } from "vitest";
import { FlowDecoder, type FlowRecord } from "../../../src/export/ipfix/decoder.ts";
import { addressBytes, REVERSE_PEN, templates } from "../../../src/export/ipfix/elements.ts";
import { IpfixEncoder } from "../../../src/export/ipfix/encoder.ts";
import { parseCollector } from "../../../src/export/ipfix/exporter.ts";
import { record } from "../records.ts";

const V6 = { "id.orig_h": "2001:db8::1", "id.resp_h": "2001:db8::2:3" };

function decode(messages: readonly Buffer[], decoder = new FlowDecoder()): FlowRecord[] {
  const found: FlowRecord[] = [];
  for (const message of messages) decoder.message(message, "test", (flow) => found.push(flow));
  return found;
}

function encode(
  records: readonly ReturnType<typeof record>[],
  options: { biflow?: boolean; pen?: number; maxMessage?: number } = {},
) {
  const encoder = new IpfixEncoder({ maxMessage: 1400, interfaceName: "mega_tap2", ...options });
  const messages = [encoder.templateMessage(1_700_000_100)];
  for (const one of records) messages.push(...encoder.add(one, 1_700_000_100));
  const last = encoder.flush(1_700_000_100);
  return last ? [...messages, last] : messages;
}

describe("IPFIX out and in", () => {
  it("makes two flows of a connection, each with its own direction's counts", () => {
    const flows = decode(encode([record()]));
    expect(flows).toHaveLength(2);
    const [out, back] = flows.map(({ fields }) => fields);
    expect([...(out!.get(8) as Uint8Array)]).toEqual([10, 0, 0, 1]);
    expect([out!.get(7), out!.get(11), out!.get(4)]).toEqual([40_000, 443, 6]);
    expect([out!.get(2), out!.get(1), back!.get(2), back!.get(1)]).toEqual([6, 412, 5, 2260]);
    expect([...(back!.get(8) as Uint8Array)]).toEqual([10, 0, 0, 2]);
    expect([out!.get(152), out!.get(153)]).toEqual([1_700_000_000_500, 1_700_000_001_750]);
    expect([out!.get(136), out!.get(82), out!.get(96)]).toEqual([3, "mega_tap2", "tls"]);
    // SYN, ACK, FIN of the originator; SYN+ACK, ACK, FIN of the responder.
    expect([out!.get(6), back!.get(6)]).toEqual([0x13, 0x13]);
  });

  it("leaves out a direction in which nothing was sent", () => {
    expect(decode(encode([record({ resp_pkts: 0, resp_ip_bytes: 0, history: "S" })]))).toHaveLength(1);
  });

  it("makes one flow with the reverse counts of a biflow", () => {
    const [flow] = decode(encode([record()], { biflow: true }));
    expect([flow!.fields.get(2), flow!.reverse.get(2), flow!.reverse.get(1), flow!.fields.get(239)]).toEqual([
      6, 5, 2260, 1,
    ]);
    expect(templates({ biflow: true }).ipv4.elements.filter(({ pen }) => pen === REVERSE_PEN)).toHaveLength(3);
  });

  it("keeps IPv4 and IPv6 in sets of their own, in whatever order they come", () => {
    const flows = decode(encode([record(), record(V6), record(), record(V6)]));
    expect(flows.map(({ fields }) => fields.has(27))).toEqual([false, false, true, true, false, false, true, true]);
    expect(addressBytes("2001:db8::2:3")).toEqual(flows[2]!.fields.get(28));
  });

  it("fills messages to their limit and no further, and numbers their records", () => {
    const messages = encode(new Array(200).fill(record()), { maxMessage: 600 });
    expect(Math.max(...messages.map(({ length }) => length))).toBeLessThanOrEqual(600);
    const decoder = new FlowDecoder();
    expect(decode(messages, decoder)).toHaveLength(400);
    expect(decoder.counters).toMatchObject({ records: 400, lost: 0, malformed: 0 });
  });

  it("says how many records are missing when messages are", () => {
    const messages = encode(new Array(50).fill(record()), { maxMessage: 600 });
    const decoder = new FlowDecoder();
    const all = decode(messages).length;
    const got = decode([...messages.slice(0, 3), ...messages.slice(5)], decoder).length;
    expect(decoder.counters.lost).toBe(all - got);
  });

  it("lets records wait for their template", () => {
    const [template, ...data] = encode([record(), record()]);
    const decoder = new FlowDecoder();
    expect(decode(data, decoder)).toEqual([]);
    expect(decoder.counters.waiting).toBeGreaterThan(0);
    expect(decode([template!], decoder)).toHaveLength(4);
    expect(decoder.counters.waiting).toBe(0);
  });

  it("sends uid and Community ID only under an enterprise number", () => {
    const plain = encode([record()]).at(-1)!.toString("latin1");
    const numbered = encode([record()], { pen: 32_473 }).at(-1)!.toString("latin1");
    expect(plain).not.toContain("CAbCdEfGhIjK");
    expect(numbered).toContain("CAbCdEfGhIjK");
    expect(decode(encode([record()], { pen: 32_473 }))).toHaveLength(2);
  });

  it("reads NetFlow 5", () => {
    const message = Buffer.alloc(24 + 48);
    message.writeUInt16BE(5, 0);
    message.writeUInt16BE(1, 2);
    message.writeUInt32BE(10_000, 4);
    message.writeUInt32BE(1_700_000_000, 8);
    message.set([10, 0, 0, 1, 10, 0, 0, 2], 24);
    message.writeUInt32BE(7, 24 + 16);
    message.writeUInt32BE(700, 24 + 20);
    message.writeUInt32BE(4_000, 24 + 24);
    message[24 + 38] = 17;
    const [flow] = decode([message]);
    expect([flow!.fields.get(2), flow!.fields.get(1), flow!.fields.get(4)]).toEqual([7, 700, 17]);
    expect(flow!.fields.get(152)).toBe(1_700_000_000_000 - 6_000);
  });

  it("takes 20,000 mutated messages without a throw and without growing", () => {
    const seeds = [...encode([record(), record(V6)], { biflow: true, pen: 1 }), Buffer.alloc(72, 5)];
    const decoder = new FlowDecoder();
    let state = 12_345;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let i = 0; i < 20_000; i++) {
      const bytes = Buffer.from(seeds[random(seeds.length)]!);
      for (let flips = 1 + random(8); flips > 0; flips--) bytes[random(bytes.length)] = random(256);
      decoder.message(
        bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length),
        `host${random(5000)}`,
        () => undefined,
      );
    }
    expect(decoder.counters.messages).toBe(20_000);
  });
});

describe("a collector's address", () => {
  it("has a transport and a host, and IPFIX's port unless it says another", () => {
    expect(parseCollector("udp://10.0.0.1")).toEqual({ transport: "udp", host: "10.0.0.1", port: 4739 });
    expect(parseCollector("tcp://[::1]:9995")).toEqual({ transport: "tcp", host: "::1", port: 9995 });
    for (const wrong of ["10.0.0.1:4739", "http://x", "udp://", "udp://x/y"])
      expect(() => parseCollector(wrong)).toThrow(/collector/);
  });
});
