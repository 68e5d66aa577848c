import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { run } from "../../../src/core/process.ts";
import { program, root, startTapscope, watchOutput } from "../support.ts";

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

it("watches a capture on standard input, also one that does not end", async () => {
  const dns = readFileSync(join(root, "fixtures/pcaps/dns.pcap"));
  const whole = await run([process.execPath, program, "watch", "-", "--json"], { input: dns });
  const last = JSON.parse(whole.stdout.trim().split("\n").at(-1)!);
  expect([last.packets, last.flows.length]).toEqual([8, 2]);

  await using child = startTapscope(["watch", "-", "--text", "--interval", "100ms"]);
  const output = watchOutput(child);
  child.stdin!.write(dns);
  await output.until("8 packets");
  child.signal("SIGTERM");
  expect((await child.ended).exitCode).toBe(143);
  expect(output.text()).toContain("8 packets captured");
});
