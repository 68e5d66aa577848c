/** What the tests of src/mirror stand on: a lab of their own, OVS's own words about it, pings, and frames on the wire. */
import type { Place } from "../../../src/core/place.ts";
import { type Child, run, spawn } from "../../../src/core/process.ts";
import { type OwnLab, startLab } from "../../../src/lab/lab.ts";
import { Session } from "../../../src/mirror/session.ts";
import { labTarget } from "../../../src/mirror/target.ts";
import { type Answer, EVERY_CODE, tapscope, uniqueName } from "../support.ts";

export class Ground implements AsyncDisposable {
  readonly lab: OwnLab;
  readonly session: Session;
  /** What the session told the user besides. */
  readonly warnings: string[] = [];

  private constructor(lab: OwnLab) {
    this.lab = lab;
    this.session = new Session(labTarget(lab), { warn: (message) => this.warnings.push(message) });
  }

  static async make(): Promise<Ground> {
    return new Ground(await startLab({ name: uniqueName("mirror") }));
  }

  /** The built program, on this lab. */
  async tapscope(...args: string[]): Promise<Answer> {
    return await tapscope(["--lab", this.lab.name, ...args], { timeoutMs: 150_000 });
  }

  /** As `tapscope … --json`, which must succeed. */
  async json<T>(...args: string[]): Promise<T> {
    const { stdout, stderr, exitCode } = await this.tapscope("--json", ...args);
    if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Plain ovs-vsctl, as a user of OVS would type it. */
  async vsctl(...args: string[]): Promise<string> {
    const { stdout } = await run(["ovs-vsctl", "--timeout=30", ...args], { place: this.lab.place, timeoutMs: 40_000 });
    return stdout.trim();
  }

  async inSwitch(...argv: string[]): Promise<Answer> {
    return await run(argv, { place: this.lab.place, okCodes: EVERY_CODE, timeoutMs: 40_000 });
  }

  /** Columns of all rows of a table, in OVS's own words. */
  async rows(table: string, ...columns: string[]): Promise<unknown[][]> {
    return JSON.parse(await this.vsctl("--format=json", `--columns=${columns.join(",")}`, "list", table)).data;
  }

  /** Mirrors as OVS holds them, ports by name. */
  async mirrors(): Promise<Record<string, unknown>[]> {
    const columns = [
      "name",
      "select_all",
      "select_src_port",
      "select_dst_port",
      "output_port",
      "output_vlan",
      "select_vlan",
      "snaplen",
    ];
    const names = new Map(
      (await this.rows("port", "_uuid", "name")).map(([uuid, name]) => [JSON.stringify(uuid), name]),
    );
    const cell = (value: unknown): unknown => {
      if (!Array.isArray(value)) return value;
      const [kind, content] = value as [string, unknown];
      return kind === "uuid" ? (names.get(JSON.stringify(value)) ?? value) : (content as unknown[]).map(cell);
    };
    return (await this.rows("mirror", ...columns)).map((row) =>
      Object.fromEntries(columns.map((column, index) => [column, cell(row[index])])),
    );
  }

  /** A mirror made without tapscope, as others make them. `source` undefined: of the whole bridge. */
  async plainMirror(bridge: string, name: string, output: string, source?: string): Promise<void> {
    const get = source === undefined ? [] : ["--id=@p", "get", "port", source, "--"];
    const select = source === undefined ? "select_all=true" : "select_src_port=@p";
    const create = ["--id=@m", "create", "mirror", `name=${name}`, select, "output_port=@o"];
    await this.vsctl(
      "--",
      ...get,
      "--id=@o",
      "get",
      "port",
      output,
      "--",
      ...create,
      "--",
      "add",
      "bridge",
      bridge,
      "mirrors",
      "@m",
    );
  }

  /** Takes every mirror away without tapscope. */
  async clearMirrors(): Promise<void> {
    for (const [name] of await this.rows("bridge", "name"))
      await this.vsctl("clear", "bridge", String(name), "mirrors");
    await this.inSwitch("ovs-appctl", "dpctl/del-flows");
  }

  /** `count` pings from a to b; each is one request and one reply. */
  async ping(count: number): Promise<void> {
    await run(["ping", "-c", String(count), "-i", "0.05", "-W", "5", "10.0.0.2"], { place: this.lab.host("a") });
  }

  /** A ping ten times a second, until disposed of. */
  pingOn(): Child {
    return spawn(["ping", "-i", "0.1", "10.0.0.2"], { place: this.lab.host("a") });
  }

  async record(port = "mega_tap2", place: Place = this.lab.place): Promise<Recorder> {
    return await Recorder.start(port, place);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
    await this.lab[Symbol.asyncDispose]();
  }
}

/** tcpdump's lines (with link-layer header) about ICMP on a port, tagged or not. */
export class Recorder implements AsyncDisposable {
  readonly #child: Child;
  #text = "";
  #words = "";
  #mark = 0;

  private constructor(child: Child) {
    this.#child = child;
    child.stdout!.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("utf8");
    });
    child.stderr!.on("data", (chunk: Buffer) => {
      this.#words += chunk.toString("utf8");
    });
  }

  static async start(port: string, place: Place): Promise<Recorder> {
    const filter = "icmp or (vlan and icmp)";
    const recorder = new Recorder(
      spawn(["tcpdump", "-Z", "root", "--immediate-mode", "-s", "2048", "-lnevi", port, filter], { place }),
    );
    await recorder.#until(() => recorder.#words.includes("listening on"), `tcpdump on ${port}`);
    return recorder;
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!done()) {
      if (performance.now() > deadline) throw new Error(`${what}: not within 20 s: ${this.#words}\n${this.#text}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** The lines since `forget`, an echo request or reply each. */
  lines(): string[] {
    return this.#text
      .slice(this.#mark)
      .split(/\n(?=\S)/)
      .map((line) => line.replaceAll(/\s+/g, " "))
      .filter((line) => /ICMP echo (request|reply)/.test(line));
  }

  count(kind: "request" | "reply" | "" = ""): number {
    return this.lines().filter((line) => line.includes(`ICMP echo ${kind}`)).length;
  }

  /** Starts counting anew. */
  forget(): void {
    this.#mark = this.#text.length;
  }

  async untilCount(count: number, kind: "request" | "reply" | "" = ""): Promise<void> {
    await this.#until(() => this.count(kind) >= count, `${count} ICMP echo ${kind} frames`);
  }

  /** Ends tcpdump, which writes what it still holds, and returns all lines. */
  async stop(): Promise<string[]> {
    this.#child.signal("SIGINT");
    await this.#child.ended;
    return this.lines();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }
}
