/**
 * Capture filters (pcap-filter(7)), live and on files. tcpdump compiles them, so that the language is the same
 * everywhere; on files the compiled program is run here, packet by packet.
 */
import { UsageError } from "../../core/errors.ts";
import type { Place } from "../../core/place.ts";
import { ProcessError, runSync } from "../../core/process.ts";
import { linktypeName } from "../format/linktypes.ts";
import type { CaptureSink, Frame, FrameSink } from "../frame.ts";
import { BpfProgram } from "./bpf-machine.ts";

const ETHERNET = 1;
/** Primitives that say themselves at which layer what follows is to be looked for. */
const LAYERED = /\b(vlan|mpls|pppoed|pppoes|geneve|vxlan)\b/;

/**
 * The expression to give to tcpdump so that it means the same for untagged frames and for those with one or two VLAN tags.
 *
 * In pcap-filter(7) `icmp` alone does not match a tagged frame, and `not icmp` matches every tagged one. So each depth
 * gets its own copy of the expression, and no frame is judged at a depth where a tag is in the way. Expressions that speak
 * of tags themselves, and link types other than Ethernet, are left as they are.
 */
export function captureFilter(expression: string, linktype = ETHERNET): string {
  if (linktype !== ETHERNET || expression.trim() === "" || LAYERED.test(expression)) return expression;
  const tagAt = (offset: number) =>
    ["0x8100", "0x88a8", "0x9100"].map((type) => `ether[${offset}:2] = ${type}`).join(" or ");
  const below = `((${expression}) and not (${tagAt(16)})) or (vlan and (${expression}))`;
  return `((${expression}) and not (${tagAt(12)})) or (vlan and (${below}))`;
}

/**
 * Checks an expression before anything is started.
 * @throws UsageError that names the expression and what tcpdump says of it; ProcessError when tcpdump is not installed.
 */
export function checkCaptureFilter(expression: string, place?: Place): void {
  compile(expression, ETHERNET, place);
}

/** A sink that hands on the frames that pass `expression`. It compiles a program for each link type it meets. */
export class CaptureFilter {
  readonly #expression: string;
  readonly #programs = new Map<number, BpfProgram | null>();
  readonly #warnings: string[] = [];

  /** @throws UsageError, ProcessError as `checkCaptureFilter`. */
  constructor(expression: string) {
    this.#expression = expression;
    checkCaptureFilter(expression);
  }

  /** Link types the expression has no meaning for: none of their packets pass. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  sink(next: CaptureSink): CaptureSink {
    if (typeof next === "function") return this.#frameSink(next);
    const frame = this.#frameSink((passed) => next.frame(passed));
    // Each frame is looked at: none are taken in bulk.
    return {
      frame,
      takeRecords: (_, start) => start,
      flush: () => next.flush(),
      room: () => next.room(),
      get packets() {
        return next.packets;
      },
    };
  }

  #frameSink(next: FrameSink): FrameSink {
    let linktype = -1;
    let program: BpfProgram | null = null;
    return (frame: Frame) => {
      if (frame.linktype !== linktype) {
        linktype = frame.linktype;
        program = this.#programFor(linktype);
      }
      if (program?.matches(frame.data, frame.offset, frame.caplen, frame.origLen)) next(frame);
    };
  }

  #programFor(linktype: number): BpfProgram | null {
    const known = this.#programs.get(linktype);
    if (known !== undefined) return known;
    let program: BpfProgram | null = null;
    try {
      program = compile(captureFilter(this.#expression, linktype), linktype);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.#warnings.push(
        `packets of link type ${linktypeName(linktype)} are left out: the filter means nothing there (${error.message})`,
      );
    }
    this.#programs.set(linktype, program);
    return program;
  }
}

/** Compiles for a capture of that link type: tcpdump reads a file that is only a header. */
function compile(expression: string, linktype: number, place?: Place): BpfProgram {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(linktype, 20);
  try {
    const argv = ["tcpdump", "-ddd", "-r", "-", "--", expression];
    return new BpfProgram(runSync(argv, { input: header, ...(place ? { place } : {}) }).stdout);
  } catch (error) {
    if (!(error instanceof ProcessError) || error.code !== "E_COMMAND_FAILED") throw error;
    throw new UsageError(`cannot use the capture filter '${expression}': ${reason(error.stderrTail)}`, {
      hint: "the language is that of tcpdump: man 7 pcap-filter",
      cause: error,
    });
  }
}

/** tcpdump's last line, without its own name. */
function reason(stderr: string): string {
  const last = stderr.trim().split("\n").at(-1) ?? "";
  return last.replace(/^tcpdump: /, "").replace(/^can't parse filter expression: /, "");
}
