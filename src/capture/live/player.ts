/**
 * Plays a capture file: hands frames on when their time has come. Frames that were read ahead wait in a packet ring; the reader is held back
 * when enough of them do.
 */
import { Frame, type FrameSink } from "../frame.ts";
import { PacketRing } from "./packet-ring.ts";

const QUEUE_BYTES = 32e6;
/** So much is read ahead at least: far more than one chunk of a file. */
const ENOUGH_BYTES = 4e6;
const STEP_MS = 50;

export class Player {
  readonly #queue = new PacketRing(QUEUE_BYTES);
  readonly #frame = new Frame();
  readonly #sink: FrameSink;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #taken = 1;
  #speed: number;
  #paused = false;
  /** Packet time that has been reached, seconds since the first packet, and when it was last moved on. */
  #position = 0;
  #movedMs: number;
  #first = Number.NaN;
  #wake: (() => void) | null = null;
  #drained: (() => void) | null = null;

  /** @param now wall clock, milliseconds */
  constructor(sink: FrameSink, speed: number, now: () => number = Date.now) {
    this.#sink = sink;
    this.#speed = speed;
    this.#now = now;
    this.#movedMs = now();
    this.#timer = setInterval(() => this.step(), STEP_MS);
  }

  get speed(): number {
    return this.#speed;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Seconds of packet time since the first packet. */
  get position(): number {
    return this.#position;
  }

  set({ speed, paused }: { readonly speed?: number | undefined; readonly paused?: boolean | undefined }): void {
    this.step();
    if (speed !== undefined) this.#speed = speed;
    if (paused !== undefined) this.#paused = paused;
  }

  /** Everything before that time is handed on at once. */
  jump(seconds: number): void {
    this.#position = Math.max(this.#position, seconds);
    this.step();
  }

  /** A frame that was read. */
  add(frame: Frame): void {
    if (Number.isNaN(this.#first)) this.#first = frame.sec + frame.nsec / 1e9;
    this.#queue.add(frame, -1);
  }

  /** Resolves when more is to be read; undefined: at once. */
  pause(): Promise<void> | undefined {
    this.step();
    if (this.#waiting < ENOUGH_BYTES) return undefined;
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The file has been read: resolves when all of it has been handed on. */
  async end(): Promise<void> {
    if (this.#taken < this.#queue.next) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    this.close();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#wake?.();
    this.#drained?.();
  }

  get #waiting(): number {
    const all = this.#queue.packets;
    return all === 0 ? 0 : (this.#queue.bytes * (this.#queue.next - this.#taken)) / all;
  }

  /** Hands on what is due. */
  step(): void {
    const nowMs = this.#now();
    if (!this.#paused) this.#position += ((nowMs - this.#movedMs) / 1000) * this.#speed;
    this.#movedMs = nowMs;
    this.#taken = Math.max(this.#taken, this.#queue.first);
    const due = this.#first + this.#position;
    while (this.#taken < this.#queue.next && this.#queue.time(this.#taken) <= due) {
      this.#queue.read(this.#taken++, this.#frame);
      this.#sink(this.#frame);
    }
    if (this.#waiting < ENOUGH_BYTES) {
      this.#wake?.();
      this.#wake = null;
    }
    if (this.#taken === this.#queue.next) {
      this.#drained?.();
      this.#drained = null;
      // While more is still to be read, time stands still rather than run ahead of the packets.
      if (!Number.isNaN(this.#first) && this.#queue.packets > 0) {
        this.#position = Math.min(this.#position, this.#queue.time(this.#queue.next - 1) - this.#first + 1);
      }
    }
  }
}
