/**
 * The classic BSD packet filter's machine (McCanne and Jacobson 1993; linux/Documentation/networking/filter.rst): runs what
 * tcpdump compiled. A load outside the captured bytes ends a program with "no match", as in the kernel and in libpcap.
 */

const MEMORY_WORDS = 16;
/** Instructions a program may have, as in the kernel (BPF_MAXINSNS). */
const MAX_INSTRUCTIONS = 4096;

export class BpfProgram {
  readonly #code: Uint16Array;
  readonly #jumpTrue: Uint8Array;
  readonly #jumpFalse: Uint8Array;
  readonly #k: Uint32Array;
  readonly #memory = new Uint32Array(MEMORY_WORDS);

  /** Takes the text of `tcpdump -ddd`: the count, then `code jt jf k` a line. Throws when it is anything else. */
  constructor(text: string) {
    const [count, ...lines] = text.trim().split("\n");
    const length = Number(count);
    if (!(length > 0 && length <= MAX_INSTRUCTIONS) || lines.length !== length) throw new Error("not a BPF program");
    this.#code = new Uint16Array(length);
    this.#jumpTrue = new Uint8Array(length);
    this.#jumpFalse = new Uint8Array(length);
    this.#k = new Uint32Array(length);
    for (const [index, line] of lines.entries()) {
      const [code, jumpTrue, jumpFalse, k] = line.trim().split(" ").map(Number) as [number, number, number, number];
      this.#code[index] = code;
      this.#jumpTrue[index] = jumpTrue;
      this.#jumpFalse[index] = jumpFalse;
      this.#k[index] = k;
    }
  }

  /** Whether the packet `data[offset, offset + caplen)` of `origLen` bytes on the wire passes. */
  matches(data: Uint8Array, offset: number, caplen: number, origLen: number): boolean {
    const code = this.#code;
    const memory = this.#memory;
    memory.fill(0);
    let a = 0;
    let x = 0;
    for (let pc = 0; pc < code.length; pc++) {
      const k = this.#k[pc]!;
      switch (code[pc]) {
        case 0x20: // ld [k]
        case 0x40: {
          const at = code[pc] === 0x20 ? k : k + x;
          if (at + 4 > caplen) return false;
          const from = offset + at;
          a = ((data[from]! << 24) | (data[from + 1]! << 16) | (data[from + 2]! << 8) | data[from + 3]!) >>> 0;
          break;
        }
        case 0x28: // ldh [k]
        case 0x48: {
          const at = code[pc] === 0x28 ? k : k + x;
          if (at + 2 > caplen) return false;
          a = (data[offset + at]! << 8) | data[offset + at + 1]!;
          break;
        }
        case 0x30: // ldb [k]
        case 0x50: {
          const at = code[pc] === 0x30 ? k : k + x;
          if (at >= caplen) return false;
          a = data[offset + at]!;
          break;
        }
        case 0x00: // ld #k
          a = k;
          break;
        case 0x80: // ld #len
          a = origLen;
          break;
        case 0x60: // ld M[k]
          a = memory[k]!;
          break;
        case 0x01: // ldx #k
          x = k;
          break;
        case 0x81: // ldx #len
          x = origLen;
          break;
        case 0x61: // ldx M[k]
          x = memory[k]!;
          break;
        case 0xb1: // ldx 4*([k]&0xf)
          if (k >= caplen) return false;
          x = (data[offset + k]! & 0xf) << 2;
          break;
        case 0x02: // st
          memory[k] = a;
          break;
        case 0x03: // stx
          memory[k] = x;
          break;
        case 0x05: // ja
          pc += k;
          break;
        case 0x15: // jeq
          pc += a === k ? this.#jumpTrue[pc]! : this.#jumpFalse[pc]!;
          break;
        case 0x1d:
          pc += a === x ? this.#jumpTrue[pc]! : this.#jumpFalse[pc]!;
          break;
        case 0x25: // jgt
          pc += a > k ? this.#jumpTrue[pc]! : this.#jumpFalse[pc]!;
          break;
        case 0x2d:
          pc += a > x ? this.#jumpTrue[pc]! : this.#jumpFalse[pc]!;
          break;
        case 0x35: // jge
          pc += a >= k ? this.#jumpTrue[pc]! : this.#jumpFalse[pc]!;
          break;
        case 0x3d:
          pc += a >= x ? this.#jumpTrue[pc]! : this.#jumpFalse[pc]!;
          break;
        case 0x45: // jset
          pc += (a & k) !== 0 ? this.#jumpTrue[pc]! : this.#jumpFalse[pc]!;
          break;
        case 0x4d:
          pc += (a & x) !== 0 ? this.#jumpTrue[pc]! : this.#jumpFalse[pc]!;
          break;
        case 0x06: // ret #k
          return k !== 0;
        case 0x16: // ret a
          return a !== 0;
        case 0x07: // tax
          x = a;
          break;
        case 0x87: // txa
          a = x;
          break;
        default: {
          const result = arithmetic(code[pc]!, a, (code[pc]! & 0x08) !== 0 ? x : k);
          if (result < 0) return false;
          a = result;
        }
      }
    }
    return false;
  }
}

/** The ALU class (low bits 4): 32-bit and unsigned. -1 for a division by zero or no instruction. */
function arithmetic(code: number, a: number, operand: number): number {
  switch (code & 0xf7) {
    case 0x04:
      return (a + operand) >>> 0;
    case 0x14:
      return (a - operand) >>> 0;
    case 0x24:
      return Math.imul(a, operand) >>> 0;
    case 0x34:
      return operand === 0 ? -1 : Math.floor(a / operand);
    case 0x44:
      return (a | operand) >>> 0;
    case 0x54:
      return (a & operand) >>> 0;
    case 0x64:
      return operand < 32 ? (a << operand) >>> 0 : 0;
    case 0x74:
      return operand < 32 ? a >>> operand : 0;
    case 0x84:
      return -a >>> 0;
    case 0x94:
      return operand === 0 ? -1 : a % operand;
    case 0xa4:
      return (a ^ operand) >>> 0;
    default:
      return -1;
  }
}
