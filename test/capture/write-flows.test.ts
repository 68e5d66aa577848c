import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { flowFilter } from "../../src/capture/filter/display-rows.ts";
import { PcapngWriter } from "../../src/capture/format/pcapng-writer.ts";
import { Frame } from "../../src/capture/frame.ts";
import { readCapture } from "../../src/capture/source/file.ts";
import { writeFlows } from "../../src/capture/write-flows.ts";

const folder = mkdtempSync(join(tmpdir(), "tapscope-write-flows-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fixture = (name: string): string => join(import.meta.dirname, "../../fixtures/pcaps", name);

async function frames(path: string): Promise<{ bytes: Buffer; time: string; comment: string; interfaceId: number }[]> {
  const found: { bytes: Buffer; time: string; comment: string; interfaceId: number }[] = [];
  await readCapture(path, ({ data, offset, caplen, sec, nsec, commentOffset, commentLength, interfaceId }) => {
    found.push({
      bytes: Buffer.from(data.subarray(offset, offset + caplen)),
      time: `${sec}.${nsec}`,
      comment: Buffer.from(data.subarray(commentOffset, commentOffset + commentLength)).toString("utf8"),
      interfaceId,
    });
  });
  return found;
}

let written = 0;
async function write(files: readonly string[], where: string) {
  const path = join(folder, `${written++}.pcapng`);
  const result = await writeFlows({
    files,
    path,
    meter: {},
    accept: (rows) => flowFilter(where, rows),
    comment: "a test",
  });
  return { ...result, frames: await frames(path), path };
}

describe("writing the packets of connections", () => {
  it("gives all of theirs, unchanged and in order, and no others", async () => {
    const all = await frames(fixture("http.pcap"));
    const tcp = await write([fixture("http.pcap")], "tcp");
    expect(tcp).toMatchObject({ connections: 1, packets: 11, fragments: 0 });
    expect(tcp.frames.map(({ bytes, time }) => ({ bytes, time }))).toEqual(
      all.slice(0, 11).map(({ bytes, time }) => ({ bytes, time })),
    );
    expect((await write([fixture("http.pcap")], "udp")).frames).toEqual([]);
    expect(
      execFileSync("tcpdump", ["-n", "-r", tcp.path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
    ).toContain("HTTP");
  });

  it("chooses by what is known only at a connection's end", async () => {
    const { packets } = await write([fixture("http.pcap")], 'flow.state == "SF" and flow.packets > 10');
    expect(packets).toBe(11);
  });

  it("gives every fragment of a datagram, the first ones too", async () => {
    const all = await frames(fixture("fragments.pcap"));
    const { frames: chosen, fragments } = await write([fixture("fragments.pcap")], "icmp");
    const icmp = execFileSync("tcpdump", ["-n", "-r", fixture("fragments.pcap"), "ip proto 1"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(chosen).toHaveLength(icmp.trim().split("\n").length);
    expect(chosen.length).toBeLessThanOrEqual(all.length);
    expect(fragments).toBe(0);
  });

  it("finds a connection inside a tunnel, and the tunnel with all it carries", async () => {
    const inner = await write([fixture("vxlan.pcap")], "icmp");
    expect(inner.packets).toBeGreaterThan(0);
    const outer = await write([fixture("vxlan.pcap")], "udp.port == 4789");
    expect(outer.packets).toBeGreaterThanOrEqual(inner.packets);
  });

  it("keeps comments of packets, and the interfaces of several files", async () => {
    const path = join(folder, "remarked.pcapng");
    const writer = new PcapngWriter(path);
    const first = writer.addInterface({ name: "eth0", linktype: 1, snaplen: 128, filter: "icmp" });
    const second = writer.addInterface({ name: "eth1", linktype: 1 });
    const ping = (await frames(fixture("ping.pcap"))).filter(({ bytes }) => bytes[23] === 1);
    ping.slice(0, 4).forEach(({ bytes }, index) => {
      const remark = Buffer.from(index === 1 ? "look here: ü" : "");
      const data = Buffer.concat([bytes, remark]);
      const frame = Object.assign(new Frame(), {
        data,
        caplen: bytes.length,
        origLen: bytes.length,
        sec: 1000 + index,
        linktype: 1,
      });
      writer.write(
        Object.assign(frame, { commentOffset: bytes.length, commentLength: remark.length }),
        index % 2 === 0 ? first : second,
      );
    });
    writer.close();
    const copy = await write([path, fixture("ping.pcap")], "icmp");
    expect(copy.frames.slice(0, 4).map(({ comment }) => comment)).toEqual(["", "look here: ü", "", ""]);
    const { interfaces } = await readCapture(copy.path, () => {});
    expect(interfaces).toMatchObject([
      { name: "eth0", snaplen: 128, filter: "icmp" },
      { name: "eth1" },
      { name: "ping.pcap" },
    ]);
    expect(
      execFileSync("tshark", ["-r", copy.path, "-Y", "frame.comment"], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      })
        .trim()
        .split("\n"),
    ).toHaveLength(1);
  });

  it("keeps what is whole of a damaged file", async () => {
    const whole = execFileSync("cat", [fixture("http.pcap")]);
    const cut = join(folder, "cut.pcap");
    writeFileSync(cut, whole.subarray(0, whole.length - 10));
    const { summaries, packets } = await write([cut], "tcp");
    expect(summaries[0]!.status).toBe("truncated");
    expect(packets).toBe(11);
  });
});
