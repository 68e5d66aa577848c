import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Recorder, ringPath } from "../../../src/capture/format/recorder.ts";
import { Frame } from "../../../src/capture/frame.ts";
import { readCapture } from "../../../src/capture/source/file.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tapscope-recorder-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const frame = Object.assign(new Frame(), {
  data: Buffer.alloc(100, 7),
  caplen: 100,
  origLen: 100,
  sec: 1,
  linktype: 1,
});
const device = { name: "tap0" };

for (const format of ["pcap", "pcapng"] as const) {
  it(`leaves a valid ${format} file though no frame came`, async () => {
    const path = join(dir, "none");
    const recorder = new Recorder({ path, format, device });
    recorder.begin(1);
    recorder.close(null);
    expect(await readCapture(path, () => {})).toMatchObject({ status: "ok", packets: 0, format });
  });

  it(`keeps the newest files of a ring of ${format}, each within its size and whole`, async () => {
    const path = join(dir, "run.cap");
    const recorder = new Recorder({ path, format, device, ring: { bytes: 1000, files: 3 } });
    for (let n = 0; n < 100; n++) recorder.write(frame);
    recorder.close({ received: 100, dropped: 0 });
    const files = readdirSync(dir).sort();
    expect(files).toHaveLength(3);
    expect(recorder.files).toEqual(files.map((file) => join(dir, file)));
    for (const file of recorder.files) {
      expect(statSync(file).size).toBeLessThanOrEqual(format === "pcap" ? 1000 : 1200);
      const summary = await readCapture(file, () => {});
      expect(summary.status).toBe("ok");
      expect(summary.packets).toBeGreaterThan(0);
    }
  });
}

it("begins a new file only for a frame, however small the ring's files are", () => {
  const recorder = new Recorder({ path: join(dir, "r.pcap"), format: "pcap", device, ring: { bytes: 10, files: 9 } });
  for (let n = 0; n < 3; n++) recorder.write(frame);
  recorder.close(null);
  expect(recorder.files.map((file) => statSync(file).size)).toEqual([140, 140, 140]);
});

it("numbers the files of a ring before the extension", () => {
  expect(ringPath("a/run.pcapng", 7)).toBe("a/run.00007.pcapng");
  expect(ringPath("/run", 12345)).toBe("/run.12345");
  expect(ringPath("run.pcap", 1)).toBe("run.00001.pcap");
});
