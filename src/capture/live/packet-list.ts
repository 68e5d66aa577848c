/** The packets screen's answers: which packets of the ring belong to a scope, those on screen in words, and one in all its layers. */
import { dissect } from "../dissect/dissect.ts";
import { Frame } from "../frame.ts";
import type { PacketRing } from "./packet-ring.ts";
import type { PacketRow, PacketScope, PacketsAnswer, PacketsQuery } from "./snapshot.ts";

/** Packets a scope is looked for in at a time: counting packets comes first. */
const LOOKED_AT = 50_000;

/** Whether packet `number` belongs to a scope. */
export type PacketMatch = (number: number) => boolean;

export class PacketList {
  readonly #ring: PacketRing;
  /** Bytes kept of each packet; 0: all. */
  readonly #snaplen: number;
  readonly #matchOf: (scope: PacketScope) => PacketMatch;
  readonly #frame = new Frame();
  /** What `#numbers` is of; another text: begin anew. */
  #scope = "";
  /** Numbers of the scope's packets among those from `#from` to `#to` - 1, ascending. */
  #numbers: number[] = [];
  #from = 0;
  #to = 0;

  /** @param matchOf which packets are of a scope; asked anew for each answer, as flows change */
  constructor(ring: PacketRing, snaplen: number, matchOf: (scope: PacketScope) => PacketMatch) {
    this.#ring = ring;
    this.#snaplen = snaplen;
    this.#matchOf = matchOf;
  }

  /** @param start time of the capture's first packet, seconds */
  answer(query: PacketsQuery, filter: string, start: number): PacketsAnswer {
    const ring = this.#ring;
    const scope = this.#look(query.scope, filter);
    const { total, at, find } = scope;
    const following = query.top === null;
    const last = total - 1;
    const base = query.selected === null ? (following ? last : 0) : find(query.selected);
    const chosen = Math.max(0, Math.min(last, base + query.move));
    let top = following ? Math.max(0, total - query.rows) : find(query.top!);
    if (!following) {
      if (chosen < top) top = chosen;
      else if (chosen >= top + query.rows) top = chosen - query.rows + 1;
      top = Math.max(0, Math.min(top, total - query.rows));
    }
    const rows: PacketRow[] = [];
    for (let index = top; index < Math.min(total, top + query.rows); index++) rows.push(this.#row(at(index), start));
    return {
      rows,
      selected: total === 0 ? null : this.#selected(at(chosen)),
      before: top,
      after: Math.max(0, total - top - rows.length),
      ring: {
        packets: ring.packets,
        bytes: ring.bytes,
        capacity: ring.capacity,
        seconds: ring.packets === 0 ? 0 : Math.max(0, ring.time(ring.next - 1) - ring.time(ring.first)),
        snaplen: this.#snaplen,
      },
      complete: scope.complete,
    };
  }

  /** The packets of a scope: how many, the number of the nth, and the place of a number (the next one's where it is not in it). */
  #look(
    scope: PacketScope,
    filter: string,
  ): { total: number; at: (index: number) => number; find: (number: number) => number; complete: boolean } {
    const ring = this.#ring;
    if (scope.of === "all" || (scope.of === "filtered" && filter === "")) {
      const { first, packets } = ring;
      return {
        total: packets,
        at: (index) => first + index,
        find: (number) => Math.max(0, Math.min(packets - 1, number - first)),
        complete: true,
      };
    }
    const complete = this.#search(scope, filter);
    const numbers = this.#numbers;
    return {
      total: numbers.length,
      at: (index) => numbers[index]!,
      find: (number) => Math.min(numbers.length - 1, lowerBound(numbers, number)),
      complete,
    };
  }

  /** Looks through packets that have not been looked at, new ones first. @returns whether that were all */
  #search(scope: PacketScope, filter: string): boolean {
    const ring = this.#ring;
    const name = scope.of === "flow" ? `flow ${scope.id}` : `filter ${filter}`;
    if (name !== this.#scope || this.#to < ring.first) {
      this.#scope = name;
      this.#numbers = [];
      this.#from = ring.next;
      this.#to = ring.next;
    }
    const gone = lowerBound(this.#numbers, ring.first);
    if (gone > 0) this.#numbers.splice(0, gone);
    this.#from = Math.max(this.#from, ring.first);
    const match = this.#matchOf(scope);
    let left = LOOKED_AT;
    for (; this.#to < ring.next && left > 0; this.#to++, left--) if (match(this.#to)) this.#numbers.push(this.#to);
    const older: number[] = [];
    for (; this.#from > ring.first && left > 0; left--) if (match(--this.#from)) older.push(this.#from);
    if (older.length > 0) this.#numbers = [...older.reverse(), ...this.#numbers];
    return this.#to === ring.next && this.#from === ring.first;
  }

  #row(number: number, start: number): PacketRow {
    this.#ring.read(number, this.#frame);
    const { source, destination, protocol, info } = dissect(this.#frame);
    return {
      number,
      time: this.#ring.time(number) - start,
      source,
      destination,
      protocol,
      length: this.#frame.origLen,
      info,
    };
  }

  #selected(number: number): PacketsAnswer["selected"] {
    const frame = this.#frame;
    this.#ring.read(number, frame);
    const { layers } = dissect(frame);
    const bytes = frame.data.slice(frame.offset, frame.offset + frame.caplen);
    return { number, layers, bytes, wireLength: frame.origLen };
  }
}

/** The first place in ascending `numbers` whose number is not below `number`. */
function lowerBound(numbers: readonly number[], number: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
