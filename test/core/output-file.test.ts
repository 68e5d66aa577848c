import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, it, vi } from "vitest";
import { openOutput } from "../../src/core/output-file.ts";

const folder = mkdtempSync(join(tmpdir(), "tapscope-output-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

const write = (path: string, text: string): void => {
  const fd = openOutput(path);
  writeFileSync(fd, text);
  closeSync(fd);
};

it("makes files that only their owner may read, and empties those that are there", () => {
  const path = join(folder, "new");
  write(path, "long text");
  write(path, "short");
  expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["short", 0o600]);
  chmodSync(path, 0o644);
  write(path, "kept as open as it was");
  expect(statSync(path).mode & 0o777).toBe(0o644);
});

it("gives what root makes by sudo to the user who called it", ({ skip }) => {
  skip(process.getuid?.() !== 0, "needs root");
  vi.stubEnv("SUDO_UID", "12345");
  vi.stubEnv("SUDO_GID", "12346");
  const path = join(folder, "sudo");
  write(path, "x");
  expect(statSync(path)).toMatchObject({ uid: 12345, gid: 12346 });
});

it("follows links in a folder of one's own, and none where anybody may put one", () => {
  const target = join(folder, "target");
  writeFileSync(target, "precious");
  symlinkSync(target, join(folder, "link"));
  write(join(folder, "link"), "through");
  expect(readFileSync(target, "utf8")).toBe("through");
  const shared = join(folder, "shared");
  mkdirSync(shared);
  chmodSync(shared, 0o1777);
  symlinkSync(target, join(shared, "link"));
  expect(() => openOutput(join(shared, "link"))).toThrow("ELOOP");
  symlinkSync(join(folder, "absent"), join(shared, "dangling"));
  expect(() => openOutput(join(shared, "dangling"))).toThrow(/ELOOP|ENOENT/);
  expect(readFileSync(target, "utf8")).toBe("through");
});
