import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { OvsdbClient } from "../../src/mirror/ovsdb/client.ts";
import { JsonRpc } from "../../src/mirror/ovsdb/json-rpc.ts";
import { JsonStream } from "../../src/mirror/ovsdb/json-stream.ts";

type Message = Record<string, unknown>;
const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0)) step();
});

/** A server that answers each message with what `answer` gives, if anything. */
async function serve(answer: (message: Message, socket: Socket) => unknown): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "tapscope-rpc-"));
  const path = join(dir, "sock");
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    const stream = new JsonStream((value) => {
      const reply = answer(value as Message, socket);
      if (reply !== undefined) socket.write(typeof reply === "string" ? reply : JSON.stringify(reply));
    });
    socket.on("data", (chunk: Buffer) => stream.push(chunk)).on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  undo.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(dir, { recursive: true });
  });
  return path;
}

const unix = (path: string) => ({ kind: "unix", path }) as const;

describe("JsonRpc", () => {
  it("matches answers to requests whatever their order", async () => {
    const held: Message[] = [];
    const path = await serve((message, socket) => {
      held.push(message);
      if (held.length === 3)
        for (const { id, method } of held.reverse()) socket.write(JSON.stringify({ id, result: method, error: null }));
      return undefined;
    });
    await using rpc = await JsonRpc.connect(unix(path));
    expect(await Promise.all(["a", "b", "c"].map((method) => rpc.call(method, [])))).toEqual(["a", "b", "c"]);
  });

  it("answers the server's echo, without which ovsdb-server hangs up", async () => {
    let echoed: unknown;
    const path = await serve((message) => {
      if (message.method === "start") return JSON.stringify({ method: "echo", params: [1, "x"], id: "echo" });
      echoed = message;
      return { id: 1, result: "done", error: null };
    });
    await using rpc = await JsonRpc.connect(unix(path));
    expect(await rpc.call("start", [])).toBe("done");
    expect(echoed).toEqual({ id: "echo", result: [1, "x"], error: null });
  });

  it("reports a refusal, silence, a lost connection and nonsense each by its own code", async () => {
    const path = await serve((message, socket) => {
      if (message.method === "refuse")
        return { id: message.id, result: null, error: { error: "unknown column", details: "no x" } };
      if (message.method === "hang up") socket.destroy();
      if (message.method === "babble") return "HTTP/1.1 400";
      return undefined;
    });
    await using rpc = await JsonRpc.connect(unix(path));
    await expect(rpc.call("refuse", [])).rejects.toMatchObject({
      code: "E_OVSDB_REQUEST",
      message: expect.stringContaining("unknown column: no x"),
    });
    await expect(rpc.call("silence", [], 30)).rejects.toMatchObject({ code: "E_OVSDB_TIMEOUT" });
    await expect(rpc.call("hang up", [])).rejects.toMatchObject({ code: "E_OVSDB_LOST" });
    await expect(rpc.call("later", [])).rejects.toMatchObject({ code: "E_OVSDB_LOST" });
    await using other = await JsonRpc.connect(unix(path));
    await expect(other.call("babble", [])).rejects.toMatchObject({ code: "E_OVSDB_PROTOCOL" });
  });

  it("says that nothing is there when there is no socket, or nobody listens", async () => {
    await expect(JsonRpc.connect(unix("/nonexistent/db.sock"))).rejects.toMatchObject({
      code: "E_OVSDB_UNREACHABLE",
      message: "database connection failed: unix:/nonexistent/db.sock: no such socket",
    });
    await expect(JsonRpc.connect({ kind: "tcp", host: "127.0.0.1", port: 1 })).rejects.toMatchObject({
      message: "database connection failed: tcp:127.0.0.1:1: nothing listens there",
    });
  });
});

describe("OvsdbClient", () => {
  it("hands out rows of a monitor: first all, then each change, and null for a removal", async () => {
    const path = await serve((message, socket) => {
      const [, id] = message.params as [string, string];
      socket.write(
        JSON.stringify({ id: message.id, error: null, result: { Mirror: { u1: { initial: { name: "m1" } } } } }),
      );
      const update = (rows: unknown) =>
        socket.write(JSON.stringify({ id: null, method: "update2", params: [id, { Mirror: rows }] }));
      update({ u2: { insert: { name: "m2" } }, u1: { modify: { name: "m3" } } });
      update({ u1: { delete: null } });
      return undefined;
    });
    await using client = await OvsdbClient.connect(unix(path));
    const seen: unknown[] = [];
    await client.monitor("Mirror", ["name"], (change) => seen.push(Object.fromEntries(change)));
    await expect
      .poll(() => seen)
      .toEqual([{ u1: { name: "m1" } }, { u2: { name: "m2" }, u1: { name: "m3" } }, { u1: null }]);
  });

  it("refuses an answer that is none", async () => {
    const path = await serve(({ id }) => ({ id, result: "hello", error: null }));
    await using client = await OvsdbClient.connect(unix(path));
    await expect(client.select([{ table: "Mirror" }])).rejects.toMatchObject({ code: "E_OVSDB_PROTOCOL" });
  });

  it("reports a table or column the server does not know", async () => {
    const path = await serve(({ id }) => ({
      id,
      result: [{ error: "unknown column", details: "filter" }],
      error: null,
    }));
    await using client = await OvsdbClient.connect(unix(path));
    await expect(client.select([{ table: "Mirror", columns: ["filter"] }])).rejects.toThrow("unknown column: filter");
  });
});
