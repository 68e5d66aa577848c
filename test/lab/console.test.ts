import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { Output, runOnConsole } from "../../src/lab/vm/console.ts";

const MARK = "0123456789abcdef01234567";

function feedAll(pieces: readonly Buffer[]): { code: number | undefined; output: string } {
  const output: Buffer[] = [];
  const parser = new Output(MARK, (bytes) => output.push(Buffer.from(bytes)));
  let code: number | undefined;
  for (const piece of pieces) code ??= parser.feed(piece);
  return { code, output: Buffer.concat(output).toString("latin1") };
}

describe("what a serial console says of a command", () => {
  it("is the bytes between its marks and its exit code, however they are cut into pieces", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: 0, max: 255 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }),
        (bytes, code, sizes) => {
          const text = Buffer.from(bytes).toString("latin1");
          const all = Buffer.from(`noise ${MARK}begin${text}${MARK}${code}. more`, "latin1");
          const pieces: Buffer[] = [];
          for (let at = 0, i = 0; at < all.length; i++) {
            const size = sizes[i % sizes.length]!;
            pieces.push(all.subarray(at, at + size));
            at += size;
          }
          expect(feedAll(pieces)).toEqual({ code, output: text });
        },
      ),
    );
  });

  it("may begin twice: a command was given again while the shell was busy", () => {
    const { code, output } = feedAll([Buffer.from(`${MARK}begin${MARK}beginhello${MARK}3.`)]);
    expect({ code, output }).toEqual({ code: 3, output: "hello" });
  });
});

describe("a command on a console", () => {
  const folder = mkdtempSync(join(tmpdir(), "tapscope-console-"));
  const path = join(folder, "console");
  let server: Server | undefined;
  afterEach(async () => {
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
    rmSync(path, { force: true });
  });

  /** A machine that gives each line it is sent to `answer`. */
  async function machine(answer: (line: string, socket: Socket) => void): Promise<void> {
    server = createServer((socket) => {
      socket.on("error", () => {});
      socket.setEncoding("utf8").on("data", (text: string) => answer(text, socket));
    });
    await new Promise<void>((resolve) => server!.listen(path, resolve));
  }

  it("ends with an error when the machine ends", async () => {
    await machine((_, socket) => socket.destroy());
    await expect(runOnConsole(path, "A", ["true"], { onOutput: () => {} })).rejects.toMatchObject({
      code: "E_VM_CONSOLE",
      message: "could not run true in VM A: the machine has ended",
    });
  });

  it("is refused when the machine does not run, and when a terminal line cannot hold it", async () => {
    const run = (...argv: string[]) => runOnConsole(path, "A", argv, { onOutput: () => {} });
    await expect(run("true")).rejects.toMatchObject({ code: "E_VM_CONSOLE", hint: expect.stringContaining("lab up") });
    await expect(run("echo", "two\nlines")).rejects.toMatchObject({ code: "E_VM_COMMAND" });
    await expect(run("echo", "x".repeat(5000))).rejects.toMatchObject({ code: "E_VM_COMMAND" });
  });

  it("is interrupted as by Ctrl-C", async () => {
    const said: string[] = [];
    const stop = new AbortController();
    await machine((text) => {
      said.push(text);
      if (text.includes("printf")) stop.abort();
    });
    const options = { onOutput: () => {}, signal: stop.signal };
    expect(await runOnConsole(path, "A", ["sleep", "100"], options)).toBe(130);
    expect(said.join("")).toMatch(/sleep 100 <\/dev\/null.*\n\x03$/s);
  });
});
