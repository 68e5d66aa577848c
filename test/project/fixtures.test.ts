import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const folder = join(import.meta.dirname, "../../fixtures/pcaps");
const manifest = JSON.parse(readFileSync(join(folder, "MANIFEST.json"), "utf8"));

it("holds exactly the captures its manifest tells of, unchanged, each with its records, and says where each comes from", () => {
  const listed = manifest.files.map((entry: { file: string }) => entry.file);
  const records = listed.map((file: string) => file.replace(/\.pcap$/, ".expected.json"));
  expect(readdirSync(folder).sort()).toEqual([...listed, ...records, "MANIFEST.json"].sort());
  for (const { file, what, crafted, commands, sha256 } of manifest.files) {
    expect([
      file,
      createHash("sha256")
        .update(readFileSync(join(folder, file)))
        .digest("hex"),
    ]).toEqual([file, sha256]);
    expect(what).not.toBe("");
    expect([file, crafted || commands.length > 0]).toEqual([file, true]);
  }
  for (const program of ["open vswitch", "tcpdump", "scapy"]) expect(manifest.versions[program]).toMatch(/\d/);
});

it("stays small", () => {
  const sizes = readdirSync(folder).map((file) => statSync(join(folder, file)).size);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(2_000_000);
});
