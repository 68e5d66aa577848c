import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { run } from "../../../src/core/process.ts";
import { program } from "../support.ts";

it("watches a capture file by its name or path, though the lab that is named does not run", async () => {
  const dir = mkdtempSync(join(tmpdir(), "tapscope-watch-"));
  try {
    // A pcap's head, and no packet.
    writeFileSync(join(dir, "none.pcap"), Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex"));
    for (const target of ["none.pcap", "./none.pcap", join(dir, "none.pcap")]) {
      const argv = [process.execPath, program, "--lab", "no-such-lab", "watch", "--json", target];
      const { stdout } = await run(["env", "-C", dir, ...argv], { timeoutMs: 40_000 });
      expect(JSON.parse(stdout.trim().split("\n").at(-1)!)).toMatchObject({ packets: 0, flows: [] });
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
