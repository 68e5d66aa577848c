/** DHCP (RFC 2131, RFC 2132): the messages of one transaction, from whatever connections, as one row of dhcp.log. */
import { Cursor, ipv4Text, latin1 } from "./cursor.ts";
import { type LogRow, logSchema } from "./log/schema.ts";
import type { Connection, Parser, Protocol, SharedState } from "./protocol.ts";

export const dhcpLog = logSchema("dhcp", {
  ts: "time",
  uids: "set[string]",
  client_addr: "addr",
  server_addr: "addr",
  mac: "string",
  host_name: "string",
  client_fqdn: "string",
  domain: "string",
  requested_addr: "addr",
  assigned_addr: "addr",
  lease_time: "interval",
  client_message: "string",
  server_message: "string",
  msg_types: "vector[string]",
  duration: "interval",
});

const COOKIE = 0x63825363;
const HEADER = 236;
const MESSAGE_TYPES =
  "- DISCOVER OFFER REQUEST DECLINE ACK NAK RELEASE INFORM FORCERENEW LEASEQUERY LEASEUNASSIGNED LEASEUNKNOWN LEASEACTIVE BULKLEASEQUERY LEASEQUERYDONE ACTIVELEASEQUERY LEASEQUERYSTATUS TLS".split(
    " ",
  );
const ETHERNET = 1;
const SECOND = 1_000_000_000n;
const MAX_UIDS = 10;
const MAX_MESSAGES = 50;
const MAX_TRANSACTIONS = 100_000;

/** What one message says; absent where it says nothing of it. */
interface DhcpMessage {
  readonly xid: number;
  readonly type: number;
  readonly yourAddress: string;
  readonly hardwareAddress: string;
  readonly options: ReadonlyMap<number, Uint8Array>;
}

const mac = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");

function readMessage(bytes: Uint8Array): DhcpMessage | undefined {
  const c = new Cursor(bytes);
  if (bytes.length < HEADER + 4) return undefined;
  c.skip(2);
  const hardwareLength = c.u8();
  c.skip(1);
  const xid = c.u32();
  c.skip(8);
  const yourAddress = ipv4Text(c.take(4));
  c.skip(8);
  const hardwareAddress = mac(c.take(16).subarray(0, Math.min(16, hardwareLength)));
  c.skip(192);
  if (c.u32() !== COOKIE) return undefined;
  const options = new Map<number, Uint8Array>();
  while (c.left > 0) {
    const code = c.u8();
    if (code === 255) break;
    if (code === 0) continue;
    const value = c.take(c.u8());
    if (!c.ok) break;
    if (!options.has(code)) options.set(code, value);
  }
  const type = options.get(53)?.[0] ?? 0;
  return { xid, type, yourAddress, hardwareAddress, options };
}

const NO_ADDRESS = "0.0.0.0";
const text = (value: Uint8Array | undefined): string | undefined => value && latin1(value).replace(/\0+$/, "");
const address = (value: Uint8Array | undefined): string | undefined =>
  value?.length === 4 ? ipv4Text(value) : undefined;

interface Transaction {
  readonly startNs: bigint;
  lastNs: bigint;
  /** When it is next asked whether the transaction is over. */
  checkNs: bigint;
  readonly c: Connection;
  readonly uids: Set<string>;
  readonly types: string[];
  clientHardware: string | undefined;
  readonly row: Record<string, LogRow[string]>;
}

class Transactions implements SharedState {
  readonly #open = new Map<number, Transaction>();

  add(c: Connection, fromOrig: boolean, message: DhcpMessage): void {
    this.#expire(c.nowNs);
    const { options } = message;
    let t = this.#open.get(message.xid);
    if (!t) {
      if (this.#open.size >= MAX_TRANSACTIONS) this.finish();
      const startNs = c.nowNs;
      t = {
        startNs,
        lastNs: startNs,
        checkNs: startNs + 10n * SECOND,
        c,
        uids: new Set(),
        types: [],
        clientHardware: undefined,
        row: {},
      };
      this.#open.set(message.xid, t);
    }
    t.lastNs = c.nowNs;
    t.uids.add(c.uid);
    t.types.push(MESSAGE_TYPES[message.type] ?? `Unknown Message Type ${message.type}`);
    const fromClient = fromOrig && (c.origHost === NO_ADDRESS || c.origPort === 68 || c.respPort === 67);
    const words = text(options.get(56));
    if (words !== undefined) t.row[fromClient ? "client_message" : "server_message"] = words;
    if (fromClient) this.#fromClient(t, c, message);
    else this.#fromServer(t, c, fromOrig, message);
    if (t.uids.size >= MAX_UIDS || t.types.length >= MAX_MESSAGES) this.#log(message.xid, t);
  }

  finish(): void {
    for (const [xid, transaction] of this.#open) this.#log(xid, transaction);
  }

  #fromClient(t: Transaction, c: Connection, { options, hardwareAddress }: DhcpMessage): void {
    const { row } = t;
    if (c.origHost !== NO_ADDRESS && c.origHost !== "255.255.255.255") row.client_addr = c.origHost;
    row.host_name = text(options.get(12)) ?? row.host_name;
    const fqdn = options.get(81);
    if (fqdn && fqdn.length > 3) row.client_fqdn = text(fqdn.subarray(3));
    const id = options.get(61);
    if (id?.[0] === ETHERNET) row.mac = mac(id.subarray(1));
    else t.clientHardware = hardwareAddress;
    row.requested_addr = address(options.get(50)) ?? row.requested_addr;
  }

  #fromServer(t: Transaction, c: Connection, fromOrig: boolean, message: DhcpMessage): void {
    const { row } = t;
    const { options, yourAddress, hardwareAddress } = message;
    if (yourAddress !== NO_ADDRESS) {
      row.server_addr = fromOrig ? c.origHost : c.respHost;
      row.assigned_addr = yourAddress;
    }
    if (hardwareAddress !== "") row.mac ??= hardwareAddress;
    row.client_addr ??= row.assigned_addr;
    row.domain = text(options.get(15)) ?? row.domain;
    const lease = options.get(51);
    if (lease?.length === 4) row.lease_time = BigInt(new Cursor(lease).u32()) * SECOND;
  }

  /** A transaction is over when nothing came for 5 s, or after 30 s: asked 10 s after its start and every 5 s from then on. */
  #expire(nowNs: bigint): void {
    for (const [xid, t] of this.#open) {
      if (nowNs < t.checkNs) continue;
      if (t.checkNs - t.lastNs > 5n * SECOND || nowNs - t.lastNs > 5n * SECOND || nowNs - t.startNs > 30n * SECOND)
        this.#log(xid, t);
      else t.checkNs += 5n * SECOND;
    }
  }

  #log(xid: number, t: Transaction): void {
    this.#open.delete(xid);
    const duration = t.lastNs - t.startNs;
    t.row.mac ??= t.clientHardware;
    t.c.write(dhcpLog, { ...t.row, ts: t.startNs, uids: [...t.uids], msg_types: t.types, duration });
  }
}

class DhcpParser implements Parser {
  readonly #c: Connection;

  constructor(c: Connection) {
    this.#c = c;
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    const message = readMessage(bytes);
    if (message) this.#c.shared("dhcp", () => new Transactions()).add(this.#c, fromOrig, message);
  }
}

export const dhcp: Protocol = { app: "dhcp", logs: [dhcpLog], open: (connection) => new DhcpParser(connection) };
