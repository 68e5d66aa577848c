/**
 * Of sightings at several sources makes frames: one that enters the switch by one tap and leaves it by others is seen at
 * each of them, but Open vSwitch copies it to the mirror's output once.
 */
import { align } from "./align.ts";
import type { FrameWindow } from "./window.ts";

/** A source port, and which way its capture looks: the words of `mirror list`. */
export interface Stream {
  readonly port: string;
  /** `in`: frames that enter the switch by this port. `out`: frames the switch sends out of it. */
  readonly direction: "in" | "out";
  /** The port's device's own Ethernet address, where frames from it come from this machine's stack and not from the switch. */
  readonly ownMac?: Uint8Array;
}

export class Events {
  /** The leaders of the group last read, in order of time, and how many. */
  leaders: Int32Array;
  count = 0;
  readonly #window: FrameWindow;
  readonly #streams: readonly Stream[];
  readonly #limitNs: number;
  #merged: Int32Array;
  readonly #sightings: Int32Array;
  readonly #partner: Int32Array;

  /** `streams[i]` is stream `i + 1` of the window. */
  constructor(window: FrameWindow, streams: readonly Stream[], limitNs: number) {
    this.#window = window;
    this.#streams = streams;
    this.#limitNs = limitNs;
    this.leaders = new Int32Array(window.capacity);
    this.#merged = new Int32Array(window.capacity);
    this.#sightings = new Int32Array(window.capacity);
    this.#partner = new Int32Array(window.capacity);
  }

  /** Reads a group of equal frames: links each sighting at a source to the leader of its frame. */
  read(members: Int32Array, count: number): void {
    this.count = 0;
    // Every entry is a frame of its own; those that leave belong to one that entered, where a source saw it enter.
    for (let s = 0; s < this.#streams.length; s++) {
      if (this.#streams[s]!.direction === "in") this.#addAll(this.#select(members, count, s + 1));
    }
    for (let s = 0; s < this.#streams.length; s++) {
      if (this.#streams[s]!.direction === "out") this.#link(this.#select(members, count, s + 1));
    }
  }

  #select(members: Int32Array, count: number, stream: number): number {
    let selected = 0;
    for (let i = 0; i < count; i++) {
      if (this.#window.stream[members[i]!] === stream) this.#sightings[selected++] = members[i]!;
    }
    return selected;
  }

  #addAll(count: number): void {
    for (let i = 0; i < count; i++) this.#window.leader[this.#sightings[i]!] = this.#sightings[i]!;
    this.#merge(count);
  }

  #link(count: number): void {
    if (count === 0) return;
    const { time, leader } = this.#window;
    align(time, this.#sightings, count, this.leaders, this.count, this.#partner, this.#limitNs, 0);
    let fresh = 0;
    for (let i = 0; i < count; i++) {
      const slot = this.#sightings[i]!;
      const partner = this.#partner[i]!;
      leader[slot] = partner < 0 ? slot : this.leaders[partner]!;
      if (partner < 0) this.#sightings[fresh++] = slot;
    }
    this.#merge(fresh);
  }

  /** Merges the first `fresh` sightings, which are in order of time, into the leaders. */
  #merge(fresh: number): void {
    if (fresh === 0) return;
    const { time } = this.#window;
    const merged = this.#merged;
    let i = 0;
    let j = 0;
    let to = 0;
    while (i < this.count || j < fresh) {
      const old = i < this.count && (j >= fresh || time[this.leaders[i]!]! <= time[this.#sightings[j]!]!);
      merged[to++] = old ? this.leaders[i++]! : this.#sightings[j++]!;
    }
    this.#merged = this.leaders;
    this.leaders = merged;
    this.count = to;
  }
}
