/** Modbus/TCP (MODBUS Messaging on TCP/IP Implementation Guide §3.1): each PDU a row of modbus.log. */
import { ByteQueue } from "./byte-queue.ts";
import { Cursor } from "./cursor.ts";
import { CONNECTION_FIELDS, logSchema } from "./log/schema.ts";
import type { Connection, Parser, Protocol } from "./protocol.ts";

export const modbusLog = logSchema("modbus", {
  ...CONNECTION_FIELDS,
  tid: "count",
  unit: "count",
  func: "string",
  pdu_type: "string",
  exception: "string",
});

const FUNCTIONS: Readonly<Record<number, string>> = {
  1: "READ_COILS",
  2: "READ_DISCRETE_INPUTS",
  3: "READ_HOLDING_REGISTERS",
  4: "READ_INPUT_REGISTERS",
  5: "WRITE_SINGLE_COIL",
  6: "WRITE_SINGLE_REGISTER",
  7: "READ_EXCEPTION_STATUS",
  8: "DIAGNOSTICS",
  11: "GET_COMM_EVENT_COUNTER",
  12: "GET_COMM_EVENT_LOG",
  15: "WRITE_MULTIPLE_COILS",
  16: "WRITE_MULTIPLE_REGISTERS",
  17: "REPORT_SLAVE_ID",
  20: "READ_FILE_RECORD",
  21: "WRITE_FILE_RECORD",
  22: "MASK_WRITE_REGISTER",
  23: "READ_WRITE_MULTIPLE_REGISTERS",
  24: "READ_FIFO_QUEUE",
  43: "ENCAP_INTERFACE_TRANSPORT",
};
const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: "ILLEGAL_FUNCTION",
  2: "ILLEGAL_DATA_ADDRESS",
  3: "ILLEGAL_DATA_VALUE",
  4: "SLAVE_DEVICE_FAILURE",
  5: "ACKNOWLEDGE",
  6: "SLAVE_DEVICE_BUSY",
  8: "MEMORY_PARITY_ERROR",
  10: "GATEWAY_PATH_UNAVAILABLE",
  11: "GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND",
};
const HEADER = 7;

class ModbusParser implements Parser {
  readonly #c: Connection;
  readonly #rest: readonly [ByteQueue, ByteQueue] = [new ByteQueue(), new ByteQueue()];
  readonly #lost: [boolean, boolean] = [false, false];

  constructor(c: Connection) {
    this.#c = c;
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    const index = fromOrig ? 0 : 1;
    if (this.#lost[index]) return;
    const rest = this.#rest[index];
    rest.add(bytes);
    while (rest.length > HEADER) {
      const length = rest.bytes.readUInt16BE(4);
      if (rest.bytes.readUInt16BE(2) !== 0 || length < 2 || length > 260) {
        this.#lost[index] = true;
        rest.clear();
        return;
      }
      if (rest.length < 6 + length) return;
      this.#pdu(fromOrig, rest.bytes.subarray(0, 6 + length));
      rest.take(6 + length);
    }
  }

  gap(fromOrig: boolean): void {
    this.#rest[fromOrig ? 0 : 1].clear();
  }

  #pdu(fromOrig: boolean, bytes: Uint8Array): void {
    const c = new Cursor(bytes);
    const tid = c.u16();
    c.skip(4);
    const unit = c.u8();
    const code = c.u8();
    const failed = !fromOrig && code >= 0x80;
    const number = failed && FUNCTIONS[code & 0x7f] !== undefined ? code & 0x7f : code;
    const exception = c.u8();
    this.#c.write(modbusLog, {
      ts: this.#c.nowNs,
      tid,
      unit,
      func: FUNCTIONS[number] ?? `unknown-${number}`,
      pdu_type: fromOrig ? "REQ" : "RESP",
      exception: failed ? (EXCEPTIONS[exception] ?? `unknown-${exception}`) : undefined,
    });
  }
}

export const modbus: Protocol = { app: "modbus", logs: [modbusLog], open: (c) => new ModbusParser(c) };
