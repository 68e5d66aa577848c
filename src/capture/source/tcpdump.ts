/**
 * Live capture by tcpdump(1), read from its standard output as a capture file. It loses least of what was tried
 * (docs/decisions/), runs in any place, and counts what the kernel dropped: SIGUSR1 makes it tell while it runs.
 */
import { closeSync } from "node:fs";
import { type ConnectOpts, Socket, type SocketConstructorOpts } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { TapscopeError, UsageError } from "../../core/errors.ts";
import { openPipe, type Pipe } from "../../core/pipe.ts";
import type { Place } from "../../core/place.ts";
import { type Child, failure, spawn } from "../../core/process.ts";
import { captureFilter } from "../filter/bpf.ts";
import { CaptureReader } from "../format/reader.ts";
import type { FrameSink } from "../frame.ts";
import type { Drops } from "../live/snapshot.ts";
import type { CaptureEnd, LiveOptions, LiveSource } from "./live.ts";

/** The kernel's buffer in KiB: a quarter of a second at 2 Gb/s. */
const BUFFER_KIB = 65_536;
/** How often tcpdump is asked how far it is when it is to end, milliseconds. */
const ASK_MS = 50;
/**
 * It is not waited for any longer when it has not got on for so long: the kernel holds a block that is not full back for a
 * second. With `-Q` it is the rule, as what is received is counted in both directions.
 */
const IDLE_MS = 1600;
const START_TIMEOUT_MS = 10_000;
const STDERR_KEPT = 4000;
/** Bytes a read takes at most: as much as a pipe holds. */
const CHUNK = 65_536;

export interface TcpdumpOptions extends LiveOptions {
  readonly place: Place;
  /** tcpdump's `-Q`: frames the device receives or sends; default both. See mirror/direction.ts for what that is to a switch. */
  readonly direction?: "in" | "out" | "inout";
  /** The kernel's buffer in KiB; default 65536. */
  readonly bufferKib?: number;
}

/** The argument vector of a capture. */
export function tcpdumpArgv(options: Omit<TcpdumpOptions, "place">): string[] {
  const { device, filter, snaplen, immediate, direction, bufferKib = BUFFER_KIB } = options;
  const argv = ["tcpdump", "-U", "-n", "-Z", "root", "-B", String(bufferKib), "--time-stamp-precision=nano"];
  // Not the filter's words inbound and outbound: libpcap applies a filter to the first packets itself, and they fail there.
  if (direction !== undefined && direction !== "inout") argv.push("-Q", direction);
  if (immediate) argv.push("--immediate-mode");
  if (snaplen !== undefined) argv.push("-s", String(snaplen));
  argv.push("-i", device, "-w", "-");
  if (filter !== undefined) argv.push("--", captureFilter(filter));
  return argv;
}

export class Tcpdump implements LiveSource {
  readonly lacks: readonly string[] = [];
  readonly #child: Child;
  /** The pipe that tcpdump writes to, until it is read. */
  #readFd: number;
  #drops: Drops | null = null;
  #reader: CaptureReader | undefined;
  #stderr = "";
  #line = "";
  #stopping = false;
  /** Packets tcpdump has handed on, as it told last, and how often it has told. */
  #captured = 0;
  #told = 0;
  #onListening: (() => void) | undefined;

  private constructor(options: TcpdumpOptions, { readFd, writeFd }: Pipe) {
    this.#readFd = readFd;
    this.#child = spawn(tcpdumpArgv(options), { place: options.place, stdout: writeFd });
    closeSync(writeFd);
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => this.#readStderr(text));
  }

  /**
   * Starts a capture; resolves when tcpdump listens on the device.
   * @throws TapscopeError that tells why it cannot; UsageError when the filter is wrong.
   */
  static async start(options: TcpdumpOptions): Promise<Tcpdump> {
    const source = new Tcpdump(options, await openPipe());
    let timer: NodeJS.Timeout | undefined;
    const started = await Promise.race([
      new Promise<"listening">((resolve) => {
        source.#onListening = () => resolve("listening");
      }),
      source.#child.ended,
      new Promise<"late">((resolve) => {
        timer = setTimeout(() => resolve("late"), START_TIMEOUT_MS);
      }),
    ]);
    clearTimeout(timer);
    if (started === "listening") return source;
    if (started === "late") {
      await source[Symbol.asyncDispose]();
      throw new TapscopeError("E_CAPTURE_START", `cannot capture on ${options.device}: tcpdump does not start`);
    }
    await source[Symbol.asyncDispose]();
    throw explain({ ...started, stderr: source.#stderr }, source.#child, options);
  }

  get drops(): Drops | null {
    return this.#drops;
  }

  refreshDrops(): void {
    this.#child.signal("SIGUSR1");
  }

  get linktype(): number | null {
    return this.#reader?.summary("").interfaces[0]?.linktype ?? null;
  }

  async run(sink: FrameSink): Promise<CaptureEnd> {
    const reader = new CaptureReader(sink);
    this.#reader = reader;
    let failed: unknown;
    await new Promise<void>((resolve) => {
      const buffer = Buffer.allocUnsafeSlow(CHUNK);
      // Every read goes into the one buffer. `onread` is documented for this constructor, its types know it only of connect().
      const options: SocketConstructorOpts & Pick<ConnectOpts, "onread"> = {
        fd: this.#readFd,
        readable: true,
        writable: false,
        onread: {
          buffer,
          callback: (length: number) => {
            try {
              reader.push(buffer.subarray(0, length));
            } catch (error) {
              // The sink cannot take any more (a full disk): there is no use in going on.
              failed ??= error;
              socket.destroy();
            }
            return true;
          },
        },
      };
      const socket = new Socket(options);
      socket.on("error", (error) => {
        failed ??= error;
      });
      socket.on("close", () => resolve());
    });
    this.#readFd = -1;
    if (failed !== undefined) {
      await this[Symbol.asyncDispose]();
      throw failed;
    }
    reader.end();
    const exit = await this.#child.ended;
    const { status, error } = reader.summary("tcpdump's output");
    if (status === "corrupt" || status === "unsupported") return { drops: this.#drops, reason: error };
    if (this.#stopping) return { drops: this.#drops, reason: null };
    const words = this.#stderr
      .split("\n")
      .filter((line) => line.startsWith("tcpdump: ") && !line.includes("listening"));
    const why = words.at(-1)?.slice("tcpdump: ".length).trim();
    return { drops: this.#drops, reason: why ?? `tcpdump ended (${exit.signal ?? `exit code ${exit.exitCode}`})` };
  }

  async stop(drain: boolean): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    if (drain) await Promise.race([this.#drained(), this.#child.ended]);
    this.#child.signal("SIGINT");
  }

  /**
   * Resolves when tcpdump has captured what its device had received by now. Until then a part may wait in the kernel: in a
   * block that is not full (packet(7), TPACKET_V3), or because tcpdump is behind; SIGINT would throw it away uncounted.
   */
  async #drained(): Promise<void> {
    let target: number | undefined;
    let captured = -1;
    let lastStep = performance.now();
    while (performance.now() - lastStep < IDLE_MS) {
      const told = this.#told;
      this.refreshDrops();
      await sleep(ASK_MS);
      if (this.#told === told || this.#drops === null) continue;
      target ??= this.#drops.received - this.#drops.kernel;
      if (this.#captured >= target) return;
      if (this.#captured > captured) {
        captured = this.#captured;
        lastStep = performance.now();
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#readFd >= 0 && !this.#reader) closeSync(this.#readFd);
    this.#readFd = -1;
    await this.#child[Symbol.asyncDispose]();
  }

  #readCounts(line: string): void {
    this.#drops = parseCounts(line, this.#drops);
    const captured = /(\d+) packets? captured/.exec(line);
    if (!captured) return;
    this.#captured = Number(captured[1]);
    this.#told++;
  }

  #readStderr(text: string): void {
    this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT);
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop()!.slice(-STDERR_KEPT);
    for (const line of lines) {
      if (line.includes("listening on ")) this.#onListening?.();
      else this.#readCounts(line);
    }
  }
}

/**
 * tcpdump's counts of one line: while it runs all of them, at its end a line each
 * (`8 packets received by filter`). Null as long as none was seen.
 */
export function parseCounts(line: string, before: Drops | null): Drops | null {
  const number = (what: string): number | undefined => {
    const match = new RegExp(`(\\d+) packets? ${what}`).exec(line);
    return match ? Number(match[1]) : undefined;
  };
  const received = number("received by filter");
  const kernel = number("dropped by kernel");
  const byInterface = number("dropped by interface");
  if (received === undefined && kernel === undefined && byInterface === undefined) return before;
  return {
    received: received ?? before?.received ?? 0,
    kernel: kernel ?? before?.kernel ?? 0,
    interface: byInterface ?? before?.interface ?? 0,
  };
}

type Ended = Awaited<Child["ended"]>;

/** The error for a tcpdump that did not start. */
function explain(exit: Ended, child: Child, { device, filter }: TcpdumpOptions): TapscopeError {
  if (exit.notFound) return failure(child.argv, exit);
  const said = exit.stderr.replace(/^tcpdump: /gm, "").trim();
  const cannot = `cannot capture on ${device}`;
  if (/No such device|SIOCGIFHWADDR|does not exist/i.test(said)) {
    return new TapscopeError("E_NO_SUCH_DEVICE", `${cannot}: there is no such device`, {
      hint: "tapscope tap list and ip link show the devices there are",
    });
  }
  if (/permission|not permitted/i.test(said)) {
    return new TapscopeError("E_CAPTURE_PERMISSION", `${cannot}: no permission`, {
      hint: "run it as root, or give tcpdump the right: sudo setcap cap_net_raw,cap_net_admin=eip $(command -v tcpdump)",
    });
  }
  if (/is not up/.test(said)) {
    return new TapscopeError("E_DEVICE_DOWN", `${cannot}: the device is not up`, { hint: `ip link set ${device} up` });
  }
  if (
    filter !== undefined &&
    /filter expression|syntax error|expression rejects|unknown (host|network|port|ether)|aid supported|qualifier/i.test(
      said,
    )
  ) {
    const why = said.split("\n")[0]!.replace(/^can't parse filter expression: /, "");
    return new UsageError(`the filter '${filter}' is wrong: ${why}`, { hint: "man pcap-filter has the syntax" });
  }
  return failure(child.argv, exit);
}
