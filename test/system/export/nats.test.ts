/** A cluster of three nats-servers on loopback; one is killed while records flow. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Child, findProgram, spawn } from "../../../src/core/process.ts";
import { ALL_SENSORS, NatsPublisher } from "../../../src/export/nats.ts";
import { record } from "../../export/records.ts";

const here = findProgram("nats-server") !== undefined;

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function endProgram(child: Child, signal: NodeJS.Signals): Promise<void> {
  child.signal(signal);
  await child.ended;
}

/** After a server's death the cluster takes a while to answer. */
async function patiently<T>(ask: () => Promise<T>, limitMs = 40_000): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(500);
    }
  }
}

describe.skipIf(!here)("records to NATS (skipped where there is no nats-server)", () => {
  const folder = mkdtempSync(join(tmpdir(), "tapscope-nats-"));
  const servers: Child[] = [];
  let urls: string[] = [];

  beforeAll(async () => {
    const ports = await freePorts(6);
    const routes = ports.slice(3).map((port) => `nats://127.0.0.1:${port}`);
    urls = ports.slice(0, 3).map((port) => `127.0.0.1:${port}`);
    for (let i = 0; i < 3; i++) {
      const config = join(folder, `${i}.conf`);
      writeFileSync(
        config,
        `server_name: n${i}\nlisten: 127.0.0.1:${ports[i]}\njetstream { store_dir: "${join(folder, `js${i}`)}", max_mem: 64M, max_file: 512M }\n` +
          `cluster { name: test, listen: 127.0.0.1:${ports[3 + i]}, routes: [${routes.map((route) => `"${route}"`).join(", ")}] }\n`,
      );
      servers.push(spawn(["nats-server", "-c", config, "-l", join(folder, `${i}.log`)], {}));
    }
    // A cluster takes a while to choose its leader.
    for (let tries = 0; ; tries++) {
      try {
        const connection = await connect({ servers: urls, timeout: 1000 });
        const manager = await jetstreamManager(connection);
        await manager.streams.add({ name: "PROBE", subjects: ["probe.x"], num_replicas: 3 });
        await manager.streams.delete("PROBE");
        await connection.close();
        return;
      } catch (error) {
        if (tries > 60) throw error;
        await sleep(500);
      }
    }
  }, 60_000);

  afterAll(async () => {
    for (const server of servers) await endProgram(server, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  it("are published once each and none is lost when a server is killed on the way", async () => {
    const publisher = await NatsPublisher.open({ url: urls.join(","), sensor: "host-a", stream: "FLOWS", replicas: 3 });
    expect(publisher.acknowledged).toBe(true);
    const total = 3000;
    for (let i = 0; i < total; i++) {
      publisher.add(record({ uid: `C${i}`, "id.orig_p": i }), { mirror: { name: "m", health: "ok" } });
      if (i === 1000) await endProgram(servers[0]!, "SIGKILL");
      if (i % 100 === 0) await sleep(5);
    }
    await publisher[Symbol.asyncDispose]();
    expect(publisher.counters).toMatchObject({ records: total, published: total, lost: 0 });

    const connection = await connect({ servers: urls.slice(1) });
    const manager = await patiently(() => jetstreamManager(connection));
    const info = await patiently(() => manager.streams.info("FLOWS"));
    expect(info.state.messages).toBe(total);
    const consumer = await patiently(() => jetstream(connection).consumers.get("FLOWS"));
    const uids = new Set<string>();
    for await (const message of await consumer.fetch({ max_messages: total, expires: 10_000 })) {
      const flow = message.json<{ uid: string; sensor: string; mirror: { health: string } }>();
      expect([flow.sensor, flow.mirror.health, message.subject]).toEqual(["host-a", "ok", "tapscope.host-a.conn"]);
      uids.add(flow.uid);
    }
    expect(uids.size).toBe(total);
    await connection.close();
  }, 120_000);

  it("go out unacknowledged where no stream takes them, and make none", async () => {
    const connection = await connect({ servers: urls.slice(1) });
    const manager = await patiently(() => jetstreamManager(connection));
    await patiently(() => manager.streams.delete("FLOWS"));
    const heard: string[] = [];
    const subscription = connection.subscribe(ALL_SENSORS, {
      callback: (_, message) => {
        heard.push(message.json<{ uid: string }>().uid);
      },
    });
    await connection.flush();
    const publisher = await NatsPublisher.open({ url: urls.slice(1).join(","), sensor: "host-b" });
    expect(publisher.acknowledged).toBe(false);
    publisher.add(record({ uid: "Cone" }));
    await publisher[Symbol.asyncDispose]();
    await connection.flush();
    subscription.unsubscribe();
    expect(heard).toEqual(["Cone"]);
    expect(await manager.streams.find("tapscope.host-b.conn").catch(() => null)).toBe(null);
    await connection.close();
  });

  it("say at once that no server answers", async () => {
    const [port] = await freePorts(1);
    await expect(NatsPublisher.open({ url: `nats://u:secret@127.0.0.1:${port}`, sensor: "x" })).rejects.toThrow(
      /cannot connect to nats:\/\/127\.0\.0\.1/,
    );
    await expect(NatsPublisher.open({ url: "nats://127.0.0.1", sensor: "a.b" })).rejects.toThrow(/not a sensor's name/);
  });
});
