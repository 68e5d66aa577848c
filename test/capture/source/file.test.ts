import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readCapture } from "../../../src/capture/source/file.ts";
import { pcap } from "../format/build.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tapscope-file-"));
  path = join(directory, "x.pcap");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const data = Buffer.alloc(60, 7);
const header = pcap([]);
const record = pcap([{ data }]).subarray(24);

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("not within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("readCapture", () => {
  it("names a file that cannot be opened, and why", async () => {
    await expect(readCapture(join(directory, "none"), () => {})).rejects.toThrow(/cannot open .*none: no such file/);
    await expect(readCapture(directory, () => {})).rejects.toThrow("it is a directory");
  });

  it("hands on what the sink throws", async () => {
    for (const bytes of [Buffer.concat([header, record]), gzipSync(Buffer.concat([header, record]))]) {
      writeFileSync(path, bytes);
      const failing = readCapture(path, () => {
        throw new Error("sink");
      });
      await expect(failing).rejects.toThrow("sink");
    }
  });

  it("reads a file much larger than its buffers", async () => {
    const packets = 60_000;
    writeFileSync(path, Buffer.concat([header, ...Array.from({ length: packets }, () => record)]));
    let bytes = 0;
    const summary = await readCapture(path, (frame) => {
      bytes += frame.caplen;
      if (frame.data[frame.offset] !== 7 || frame.data[frame.offset + 59] !== 7) throw new Error("wrong bytes");
    });
    expect(summary).toMatchObject({ packets, status: "ok" });
    expect(bytes).toBe(packets * 60);
  });

  it("stops when told to, without calling the rest cut short", async () => {
    writeFileSync(path, Buffer.concat([header, ...Array.from({ length: 60_000 }, () => record)]));
    const stop = new AbortController();
    const summary = await readCapture(path, () => stop.abort(), { signal: stop.signal });
    expect(summary.status).toBe("ok");
    expect(summary.packets).toBeLessThan(60_000);
  });
});

describe("following a file", () => {
  function follow() {
    const stop = new AbortController();
    const state = { packets: 0 };
    const summary = readCapture(path, () => state.packets++, { follow: true, signal: stop.signal });
    return { stop, state, summary };
  }

  it("waits for the rest of a record, and takes an incomplete one at the end as not yet written", async () => {
    writeFileSync(path, Buffer.alloc(0));
    const { stop, state, summary } = follow();
    for (const part of [
      header.subarray(0, 10),
      header.subarray(10),
      record.subarray(0, 30),
      record.subarray(30),
      record,
    ]) {
      appendFileSync(path, part);
    }
    await until(() => state.packets === 2);
    appendFileSync(path, record.subarray(0, 30));
    await until(() => state.packets === 2);
    appendFileSync(path, record.subarray(30));
    await until(() => state.packets === 3);
    appendFileSync(path, record.subarray(0, 5));
    stop.abort();
    expect(await summary).toMatchObject({ packets: 3, status: "ok", error: null });
  });

  it("follows a compressed file", async () => {
    const bytes = gzipSync(Buffer.concat([header, record, record]));
    writeFileSync(path, bytes.subarray(0, 20));
    const { stop, state, summary } = follow();
    appendFileSync(path, bytes.subarray(20));
    await until(() => state.packets === 2);
    stop.abort();
    expect(await summary).toMatchObject({ packets: 2, status: "ok", compression: "gzip" });
  });

  it("ends with the file's last packet when another takes its name, and says so", async () => {
    writeFileSync(path, Buffer.concat([header, record]));
    const { state, summary } = follow();
    await until(() => state.packets === 1);
    appendFileSync(path, record);
    writeFileSync(join(directory, "new"), header);
    renameSync(join(directory, "new"), path);
    const result = await summary;
    expect(result).toMatchObject({ packets: 2, status: "ok" });
    expect(result.warnings.join()).toContain("is another file now");
  });

  it("says when the file was made shorter", async () => {
    writeFileSync(path, Buffer.concat([header, record]));
    const { state, summary } = follow();
    await until(() => state.packets === 1);
    truncateSync(path, 10);
    const result = await summary;
    expect(result.status).toBe("corrupt");
    expect(result.error).toContain("made shorter while it was followed");
  });
});
