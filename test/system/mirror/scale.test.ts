import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PortInfo } from "../../../src/mirror/bridge.ts";
import type { TapInfo } from "../../../src/mirror/tap.ts";
import { Ground } from "./ground.ts";

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.make();
  await ground.tapscope("bridge", "create", "minitest");
});
afterAll(() => ground[Symbol.asyncDispose]());

const list = async () => (await ground.json<TapInfo[]>("tap", "list")).filter(({ bridge }) => bridge === "minitest");

const next = async () => Number(await ground.vsctl("get", "open_vswitch", ".", "next_cfg"));

describe("many taps", () => {
  it("come in one transaction, and go in one", async () => {
    const before = await next();
    expect((await ground.tapscope("tap", "create", "10", "--bridge", "minitest", "--count", "100")).exitCode).toBe(0);
    expect(await next()).toBe(before + 1);
    const names = (await list()).map(({ name }) => name);
    expect(names).toHaveLength(100);
    expect((await ground.tapscope("tap", "delete", ...names)).exitCode).toBe(0);
    expect(await next()).toBe(before + 2);
    expect(await list()).toEqual([]);
  });

  it("may be a thousand", async () => {
    const before = await next();
    const made = await ground.tapscope("tap", "create", "10", "--bridge", "minitest", "--count", "1000");
    expect(made).toMatchObject({ exitCode: 0, stderr: "" });
    expect(made.stdout.trim().split("\n")).toHaveLength(1000);
    expect(await next()).toBe(before + 1);
    const ports = await ground.json<PortInfo[]>("bridge", "ports", "minitest");
    expect(ports.filter(({ ofport }) => ofport !== null && ofport > 0 && ofport < 65534)).toHaveLength(1000);
    expect(await list()).toHaveLength(1000);
    // The kernel takes 20 ms to remove each: they go with the lab.
  }, 180_000);
});
