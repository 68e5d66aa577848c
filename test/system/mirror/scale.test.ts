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

describe("many taps", () => {
  it("makes a thousand in one transaction, and deletes a hundred of them in one", async () => {
    const next = async () => Number(await ground.vsctl("get", "open_vswitch", ".", "next_cfg"));
    const before = await next();
    const { stdout } = await ground.tapscope("tap", "create", "10", "--bridge", "minitest", "--count", "1000");
    expect(stdout.trim().split("\n")).toHaveLength(1000);
    expect(await next()).toBe(before + 1);
    const ports = await ground.json<PortInfo[]>("bridge", "ports", "minitest");
    expect(ports.filter(({ ofport }) => ofport !== null && ofport > 0 && ofport < 65534)).toHaveLength(1000);
    expect(await list()).toHaveLength(1000);
    // The kernel takes 20 ms to remove each: the others go with the lab.
    const some = Array.from({ length: 100 }, (_, n) => String(n + 3));
    const { exitCode } = await ground.tapscope("tap", "delete", ...some);
    expect(exitCode).toBe(0);
    expect(await next()).toBe(before + 2);
    expect(await list()).toHaveLength(900);
  }, 180_000);
});
