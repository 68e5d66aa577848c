/** A network namespace of the test's own, with traffic on a pair of devices. */
import { run, spawn } from "../../../src/core/process.ts";
import { uniqueName } from "../support.ts";

/** `near` (10.9.0.1) and `far` (10.9.0.2, in a namespace of its own) see each other. */
export class Wire implements AsyncDisposable {
  readonly near = uniqueName("tsw");
  readonly far = uniqueName("tsf");
  /** The device in `near`; its name is on no other device of the machine. */
  readonly device = `w${this.near.slice(-6)}`;
  readonly #children: AsyncDisposable[] = [];

  static async make(): Promise<Wire> {
    const wire = new Wire();
    const { near, far, device } = wire;
    for (const name of [near, far]) await run(["ip", "netns", "add", name]);
    await run(["ip", "-n", near, "link", "add", device, "type", "veth", "peer", "name", "far0", "netns", far]);
    for (const [netns, name, ip] of [
      [near, device, "10.9.0.1/24"],
      [far, "far0", "10.9.0.2/24"],
    ] as const) {
      await run(["ip", "netns", "exec", netns, "sysctl", "-qw", `net.ipv6.conf.${name}.disable_ipv6=1`]);
      await run(["ip", "-n", netns, "address", "add", ip, "dev", name]);
      await run(["ip", "-n", netns, "link", "set", name, "up"]);
    }
    return wire;
  }

  /** Pings ten times a second until the wire is gone. */
  pingOn(): void {
    this.#children.push(spawn(["ping", "-q", "-i", "0.1", "10.9.0.2"], { place: { netns: this.near } }));
  }

  /** As fast as they are answered. */
  async ping(count: number): Promise<void> {
    await run(["ping", "-q", "-f", "-c", String(count), "10.9.0.2"], {
      place: { netns: this.near },
      timeoutMs: 30_000,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await child[Symbol.asyncDispose]();
    for (const name of [this.near, this.far]) await run(["ip", "netns", "delete", name]);
  }
}
