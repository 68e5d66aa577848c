/**
 * Large captures for the benchmarks, the same every time: the recorded sessions of fixtures/pcaps, cloned with other addresses and client ports
 * (checksums adjusted as RFC 1624 has it, through tunnels too) and woven together as on a busy link; and SYN floods.
 */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";

const FIXTURES = join(import.meta.dirname, "../../fixtures/pcaps");
const ETHERNET = 1;
/** Waves (one clone of every session) whose packets are woven together. */
const TOGETHER = 16;
/** One microsecond's worth of packets would be too many: 20 us apart is 50,000 packets/s. */
const PACE_US = 20;
/** A million SYNs a second: more than five seconds' worth of them, after which an attempt ends, do not fit into the table. */
const FLOOD_PACE_US = 1;
const REPLAY_PACE_US = 10;
/** The session of megabytes is cloned in every n-th wave only, or it would be all there is. */
const [BULKY, BULKY_EVERY] = ["tcp-bulk", 3];
const START_S = 1_700_000_000;

/** A capture of about `bytes`: its path. Made once, kept in `cache`. */
export function mixedCapture(cache, bytes) {
  return once(join(cache, `mixed-${bytes / 1e6}MB.pcap`), (out) => writeMixed(out, bytes));
}

/** A capture of `flows` TCP handshakes' first packets, no two alike in addresses and ports. */
export function floodCapture(cache, flows) {
  return once(join(cache, `syn-flood-${flows}.pcap`), (out) => writeFlood(out, flows));
}

/** A capture of `packets` UDP datagrams whose frames have `size` bytes, of 4,096 flows: for replaying. */
export function replayCapture(cache, packets, size) {
  return once(join(cache, `replay-${packets}x${size}.pcap`), (out) => writeReplay(out, packets, size));
}

function once(path, write) {
  if (existsSync(path)) return path;
  const out = new Output(`${path}.new`);
  write(out);
  out.close();
  renameSync(`${path}.new`, path);
  return path;
}

/** A pcap file (microseconds, Ethernet), written in large pieces. */
class Output {
  bytes = 24;
  #fd;
  #buffer = Buffer.alloc(1 << 22);
  #used = 0;

  constructor(path) {
    this.#fd = openSync(path, "w");
    const header = this.#buffer;
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(262_144, 16);
    header.writeUInt32LE(ETHERNET, 20);
    this.#used = 24;
  }

  /** Gives room for a frame of `length`, to be filled in place. `us`: microseconds since the capture began. */
  frame(length, us) {
    if (this.#used + 16 + length > this.#buffer.length) this.#flush();
    const at = this.#used;
    this.#buffer.writeUInt32LE(START_S + Math.floor(us / 1e6), at);
    this.#buffer.writeUInt32LE(us % 1e6, at + 4);
    this.#buffer.writeUInt32LE(length, at + 8);
    this.#buffer.writeUInt32LE(length, at + 12);
    this.#used += 16 + length;
    this.bytes += 16 + length;
    return this.#buffer.subarray(at + 16, at + 16 + length);
  }

  close() {
    this.#flush();
    closeSync(this.#fd);
  }

  #flush() {
    for (let done = 0; done < this.#used; ) done += writeSync(this.#fd, this.#buffer, done, this.#used - done);
    this.#used = 0;
  }
}

/** Sessions whose clones would be copies of each other: no IP header that is found, or a tunnel that is not opened here. */
const NOT_CLONED = ["dhcp", "erspan", "gtpu", "igmp", "mpls", "pbb", "pppoe", "snap", "teredo"];

/** The Ethernet fixtures as sessions: {name, frames: [{bytes, layers}], hosts, clientPorts}. */
function readSessions() {
  const sessions = [];
  for (const file of readdirSync(FIXTURES)
    .filter((name) => name.endsWith(".pcap"))
    .sort()) {
    if (NOT_CLONED.includes(file.slice(0, -5))) continue;
    const data = readFileSync(join(FIXTURES, file));
    if (data.readUInt32LE(0) !== 0xa1b2c3d4 || data.readUInt32LE(20) !== ETHERNET) continue;
    const frames = [];
    for (let at = 24; at + 16 <= data.length; ) {
      const length = data.readUInt32LE(at + 8);
      const bytes = data.subarray(at + 16, at + 16 + length);
      const layers = layersOf(bytes);
      if (layers.length > 0) frames.push({ bytes, layers });
      at += 16 + length;
    }
    sessions.push({ name: file.slice(0, -5), frames, ...endpointsOf(frames) });
  }
  return sessions;
}

const IP_PROTOCOL = { ipip: 4, tcp: 6, udp: 17, ip6in4: 41, gre: 47, icmp6: 58, udplite: 136 };
/** Where a transport header has its checksum; SCTP's and ICMP's do not cover addresses. */
const CHECKSUM_AT = { [IP_PROTOCOL.tcp]: 16, [IP_PROTOCOL.udp]: 6, [IP_PROTOCOL.icmp6]: 2, [IP_PROTOCOL.udplite]: 6 };
const [VXLAN_PORT, GENEVE_PORT] = [4789, 6081];
/** IPv6 extension headers that are walked over: hop-by-hop, routing, fragment, destination options. */
const EXTENSIONS = [0, 43, 44, 60];

/**
 * The IP layers of a frame, outermost first: {addresses: [[source, destination] as offsets of their last two bytes], ports, checks}. `checks` are the offsets of
 * checksums that cover the addresses; `within` those of enclosing datagrams, which cover everything.
 */
function layersOf(frame) {
  const layers = [];
  let [type, at] = [frame.readUInt16BE(12), 14];
  const within = [];
  const ethernet = (start) => {
    [type, at] = [frame.readUInt16BE(start + 12), start + 14];
  };
  for (;;) {
    while ([0x8100, 0x88a8, 0x9100].includes(type) && at + 4 <= frame.length) {
      [type, at] = [frame.readUInt16BE(at + 2), at + 4];
    }
    const v6 = type === 0x86dd;
    if ((type !== 0x0800 && !v6) || at + (v6 ? 40 : 20) > frame.length) return layers;
    const layer = {
      src: at + (v6 ? 22 : 14),
      dst: at + (v6 ? 38 : 18),
      v6,
      checks: [],
      ports: -1,
      within: [...within],
    };
    layers.push(layer);
    let [protocol, inner, later] = [frame[at + (v6 ? 6 : 9)], at + (v6 ? 40 : (frame[at] & 15) * 4), false];
    if (v6) {
      while (EXTENSIONS.includes(protocol) && inner + 8 <= frame.length) {
        if (protocol === 44) later ||= (frame.readUInt16BE(inner + 2) & 0xfff8) !== 0;
        const length = protocol === 44 ? 8 : (frame[inner + 1] + 1) * 8;
        [protocol, inner] = [frame[inner], inner + length];
      }
    } else {
      layer.checks.push(at + 10);
      later = (frame.readUInt16BE(at + 6) & 0x1fff) !== 0;
    }
    // Later fragments have no transport header of their own.
    if (later) return layers;
    const check = CHECKSUM_AT[protocol];
    const checked = check !== undefined && inner + check + 2 <= frame.length;
    if (checked && !(protocol === IP_PROTOCOL.udp && frame.readUInt16BE(inner + 6) === 0))
      layer.checks.push(inner + check);
    if ((protocol === IP_PROTOCOL.tcp || protocol === IP_PROTOCOL.udp) && inner + 8 <= frame.length)
      layer.ports = inner;
    const port = protocol === IP_PROTOCOL.udp && inner + 30 <= frame.length ? frame.readUInt16BE(inner + 2) : 0;
    if (port === VXLAN_PORT || port === GENEVE_PORT) {
      if (frame.readUInt16BE(inner + 6) !== 0) within.push(inner + 6);
      ethernet(inner + 16 + (port === GENEVE_PORT ? (frame[inner + 8] & 0x3f) * 4 : 0));
    } else if (protocol === IP_PROTOCOL.ipip) [type, at] = [0x0800, inner];
    else if (protocol === IP_PROTOCOL.ip6in4) [type, at] = [0x86dd, inner];
    else if (protocol === IP_PROTOCOL.gre && inner + 4 <= frame.length) {
      const flags = frame.readUInt16BE(inner);
      // A checksummed GRE header would have to be adjusted too.
      if (flags & 0x8007) return layers;
      const payload = inner + 4 + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0);
      const carried = frame.readUInt16BE(inner + 2);
      if (carried === 0x6558) ethernet(payload);
      else [type, at] = [carried, payload];
    } else return layers;
  }
}

/** Of a session the hosts in the order in which they come up, and the port that its first packet comes from. */
function endpointsOf(frames) {
  const hosts = new Map();
  const clientPorts = new Set();
  for (const { bytes, layers } of frames) {
    for (const layer of layers) {
      for (const at of [layer.src, layer.dst]) {
        if (isHost(bytes, at, layer.v6))
          hosts.set(hostKey(bytes, at, layer.v6), hosts.get(hostKey(bytes, at, layer.v6)) ?? hosts.size);
      }
      if (layer.ports < 0) continue;
      const [from, to] = [bytes.readUInt16BE(layer.ports), bytes.readUInt16BE(layer.ports + 2)];
      if (from >= 1024 && from > to && to !== VXLAN_PORT && to !== GENEVE_PORT) clientPorts.add(from);
    }
  }
  return { hosts, clientPorts };
}

/** `at`: the address's last two bytes. Multicast and broadcast stay what they are. */
function isHost(bytes, at, v6) {
  return v6 ? bytes[at - 14] !== 0xff : bytes[at - 2] < 224 && bytes[at - 2] !== 0;
}

function hostKey(bytes, at, v6) {
  return bytes.toString("latin1", v6 ? at - 14 : at - 2, at + 2);
}

/** Sets a word, and adjusts the checksums at `covering` for it (RFC 1624, equation 3); those are covered by `within` in turn. */
function setWord(frame, at, value, covering, within) {
  const old = frame.readUInt16BE(at);
  if (old === value) return;
  frame.writeUInt16BE(value, at);
  for (const check of covering) {
    let sum = (~frame.readUInt16BE(check) & 0xffff) + (~old & 0xffff) + value;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    setWord(frame, check, ~sum & 0xffff, within, []);
  }
  for (const check of within) {
    let sum = (~frame.readUInt16BE(check) & 0xffff) + (~old & 0xffff) + value;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    frame.writeUInt16BE(~sum & 0xffff, check);
  }
}

/** Copies a frame of session `session` into `out` as clone `n` has it. */
function cloneInto(out, { bytes, layers }, session, n) {
  bytes.copy(out);
  if (n === 0) return;
  for (const { src, dst, v6, checks, ports, within } of layers) {
    for (const at of [src, dst]) {
      const host = session.hosts.get(hostKey(bytes, at, v6));
      if (host === undefined) continue;
      // Clients are many; the third octet's neighbours hold the rest of the number.
      const number = host === 0 ? n : n >>> 3;
      setWord(out, at, bytes.readUInt16BE(at) ^ (number & 0xffff), checks, within);
      if (number > 0xffff) setWord(out, at - 2, bytes.readUInt16BE(at - 2) ^ ((number >>> 16) & 0xff), checks, within);
    }
    if (ports < 0) continue;
    // The header checksum of IPv4 does not cover ports.
    const transport = checks.filter((check) => check > ports);
    for (const at of [ports, ports + 2]) {
      const port = bytes.readUInt16BE(at);
      if (session.clientPorts.has(port)) setWord(out, at, 1024 + ((port + n * 7919) % 64_000), transport, within);
    }
  }
}

function writeMixed(out, bytes) {
  const sessions = readSessions();
  let [us, random] = [0, 1];
  for (let wave = 0; out.bytes < bytes; wave += TOGETHER) {
    const running = [];
    for (let n = wave; n < wave + TOGETHER; n++) {
      for (const [index, session] of sessions.entries()) {
        // Some fixtures carry the same packets in different tunnels: each session gets numbers of its own.
        if (session.name !== BULKY || n % BULKY_EVERY === 0)
          running.push({ session, n: n * sessions.length + index, next: 0 });
      }
    }
    while (running.length > 0 && out.bytes < bytes) {
      random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
      const index = (random >>> 8) % running.length;
      const { session, n, next } = running[index];
      const frame = session.frames[next];
      cloneInto(out.frame(frame.bytes.length, us), frame, session, n);
      us += PACE_US;
      running[index].next++;
      if (next + 1 < session.frames.length) continue;
      running[index] = running.at(-1);
      running.pop();
    }
  }
}

/** An IPv4 frame of `length` bytes with a transport header of protocol `protocol` that begins with the ports. */
function template(length, protocol) {
  const frame = Buffer.alloc(length);
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45], 0);
  frame.writeUInt16BE(length - 14, 16);
  frame.set([64, protocol], 22);
  frame.set([10, 0, 0, 0, 10, 200, 0, 1], 26);
  return frame;
}

function checksum(frame, from, to, start = 0) {
  let sum = start;
  for (let at = from; at < to; at += 2) sum += at + 1 < to ? frame.readUInt16BE(at) : frame[at] << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Fills in the header checksum and the transport's at `transport` (its header's start), `check` bytes into it. */
function seal(frame, transport, check) {
  frame.writeUInt16BE(checksum(frame, 14, 34), 24);
  let pseudo = frame[23] + frame.length - transport;
  for (let at = 26; at < 34; at += 2) pseudo += frame.readUInt16BE(at);
  frame.writeUInt16BE(checksum(frame, transport, frame.length, pseudo) || 0xffff, transport + check);
}

function writeFlood(out, flows) {
  const first = template(60, IP_PROTOCOL.tcp);
  first.writeUInt16BE(44, 16);
  first.writeUInt16BE(1024, 34);
  first.writeUInt16BE(80, 36);
  first.set([0x60, 0x02, 0xff, 0xff], 46);
  first.set([2, 4, 5, 0xb4], 54);
  seal(first.subarray(0, 58), 34, 16);
  const checks = [24, 50];
  for (let n = 0; n < flows; n++) {
    const frame = out.frame(60, n * FLOOD_PACE_US);
    first.copy(frame);
    setWord(frame, 28, n & 0xffff, checks, []);
    setWord(frame, 26, 0x0a00 | (n >>> 16), checks, []);
    setWord(frame, 34, 1024 + ((n * 7919) % 64_000), [50], []);
  }
}

function writeReplay(out, packets, size) {
  const first = template(size, IP_PROTOCOL.udp);
  first.writeUInt16BE(1024, 34);
  first.writeUInt16BE(53, 36);
  first.writeUInt16BE(size - 34, 38);
  seal(first, 34, 6);
  for (let n = 0; n < packets; n++) {
    const frame = out.frame(size, n * REPLAY_PACE_US);
    first.copy(frame);
    setWord(frame, 28, n & 0x0fff, [24, 40], []);
    setWord(frame, 34, 1024 + (n & 0x0fff), [40], []);
  }
}

/** "1.01 GB, 2.5 M packets" would need a pass over it: its size says enough. */
export function describeSize(path) {
  const { size } = statSync(path);
  return size >= 1e9
    ? `${(size / 1e9).toFixed(2)} GB`
    : size >= 1e6
      ? `${(size / 1e6).toFixed(1)} MB`
      : `${(size / 1e3).toFixed(0)} kB`;
}
