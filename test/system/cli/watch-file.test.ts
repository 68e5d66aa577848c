import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { run } from "../../../src/core/process.ts";
import { pcap } from "../../capture/format/build.ts";
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

it("gives all flows at the end when they are wanted, each once", async () => {
  // More than cross the threads at once: 4,500 flows of one packet.
  const frames = Array.from({ length: 4500 }, (_, index) => {
    const data = Buffer.from(UDP, "hex");
    data.writeUInt16BE(40_000 + index, 34);
    return { sec: 1, data };
  });
  const argv = [process.execPath, program, "watch", "-", "--json", "--all-flows"];
  const { stdout } = await run(argv, { input: pcap(frames), timeoutMs: 40_000 });
  const last = JSON.parse(stdout.trim().split("\n").at(-1)!);
  expect(last.packets).toBe(4500);
  expect(new Set(last.flows.map((flow: Record<string, unknown>) => flow["id.orig_p"])).size).toBe(4500);
  expect(last.flows).toHaveLength(4500);
});

/** Ethernet, IPv4 10.0.0.1 to 10.0.0.2, UDP to port 9 with four bytes. */
const UDP = "0200000000020200000000010800" + "4500002000000000401100000a0000010a000002" + "03e80009000c000061626364";
