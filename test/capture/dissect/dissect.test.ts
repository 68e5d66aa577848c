import { readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Dissected, dissect, HEADERS } from "../../../src/capture/dissect/dissect.ts";
import { readCapture } from "../../../src/capture/source/file.ts";

const fixtures = join(import.meta.dirname, "../../../fixtures/pcaps");
const files = readdirSync(fixtures).filter((name) => name.endsWith(".pcap"));

interface Taken {
  readonly bytes: Uint8Array;
  readonly linktype: number;
  readonly wire: number;
  readonly dissected: Dissected;
}

async function taken(file: string): Promise<Taken[]> {
  const packets: Taken[] = [];
  await readCapture(join(fixtures, file), (frame) => {
    const bytes = Uint8Array.from(frame.data.subarray(frame.offset, frame.offset + frame.caplen));
    packets.push({ bytes, linktype: frame.linktype, wire: frame.origLen, dissected: dissect(frame) });
  });
  return packets;
}

/** What must hold of any bytes: every part lies within the packet, and nothing is without an end. */
function check({ layers, info }: Dissected, length: number): void {
  expect(layers.length).toBeLessThanOrEqual(80);
  for (const layer of layers) {
    for (const part of [layer, ...layer.fields]) {
      expect(part.offset).toBeGreaterThanOrEqual(0);
      expect(part.length).toBeGreaterThanOrEqual(0);
      expect(part.offset + part.length).toBeLessThanOrEqual(length);
    }
  }
  expect(info).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
}

describe("taking packets apart", () => {
  it("finds the layers of every kind of fixture, in the order of their bytes", async () => {
    for (const file of files) {
      for (const { dissected, bytes } of await taken(file)) {
        expect(dissected.layers.length, file).toBeGreaterThan(0);
        check(dissected, bytes.length);
        const offsets = dissected.layers.map(({ offset }) => offset);
        expect(offsets, file).toEqual([...offsets].sort((a, b) => a - b));
      }
    }
  });

  it("reads what the wire says, by Wireshark's names", async () => {
    const field = (packets: readonly Taken[], name: string): string | undefined => {
      for (const { dissected } of packets) {
        for (const { fields } of dissected.layers) for (const each of fields) if (each.name === name) return each.value;
      }
      return undefined;
    };
    expect(field(await taken("tls.pcap"), "tls.handshake.extensions_server_name")).toMatch(/\./);
    expect(field(await taken("http.pcap"), "http.host")).toBe("www.example.test");
    expect(field(await taken("dhcp.pcap"), "dhcp.option.dhcp")).toBe("1 (discover)");
    expect(field(await taken("dns.pcap"), "dns.qry.name")).toMatch(/example/);
    expect(field(await taken("vxlan.pcap"), "vxlan.vni")).toMatch(/^\d+$/);
    expect(field(await taken("qinq.pcap"), "vlan.id")).toMatch(/^\d+$/);
    expect(field(await taken("ping.pcap"), "icmp.type")).toBe("8 (echo request)");
  });

  it("survives any truncation and any change of a byte", async () => {
    const all = (await Promise.all(files.map(taken))).flatMap((packets) => packets.slice(0, 4));
    for (const { bytes, linktype, wire } of all) {
      for (let length = 0; length < Math.min(bytes.length, 160); length++) {
        const cut = { data: bytes, offset: 0, caplen: length, origLen: wire, linktype, fcsLength: 0 };
        check(dissect(cut), length);
      }
    }
    fc.assert(
      fc.property(
        fc.nat(all.length - 1),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 8 }),
        (index, changes) => {
          const { linktype, wire, bytes } = all[index]!;
          const data = Uint8Array.from(bytes);
          for (const [at, value] of changes) if (at < data.length) data[at] = value;
          check(dissect({ data, offset: 0, caplen: data.length, origLen: wire, linktype, fcsLength: 0 }), data.length);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("survives bytes of no kind on any link", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(0, 1, 9, 101, 105, 113, 127, 192, 276, 999),
        (data, linktype) => {
          check(
            dissect({ data, offset: 0, caplen: data.length, origLen: data.length, linktype, fcsLength: 0 }),
            data.length,
          );
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("describes each header within its length", () => {
    for (const { fields, length, title } of HEADERS) {
      for (const { at, size, name } of fields) expect(at + size, `${title} ${name}`).toBeLessThanOrEqual(length);
    }
  });
});
