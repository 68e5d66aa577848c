import { describe, expect, it } from "vitest";
import { client, drive, rowsOf, server } from "./drive.ts";

/** A query for example.test, and a reply of two records that point back to its name. */
const QUESTION = "076578616d706c6504746573740000010001";
const query = (id: string): Buffer => Buffer.from(`${id}01000001000000000000${QUESTION}`, "hex");
const reply = (id: string): Buffer =>
  Buffer.from(
    `${id}81800001000200000000${QUESTION}` +
      "c00c000500010000003c0006036e6e6ec00c" +
      "c00c000100010000012c00040a00000 7".replace(" ", ""),
    "hex",
  );

describe("dns.log", () => {
  it("joins a query and its reply in one row", () => {
    const rows = rowsOf(drive("dns", [client(query("1234")), server(reply("1234"))], "udp"), "dns");
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      trans_id: 0x1234,
      query: "example.test",
      qtype_name: "A",
      rcode_name: "NOERROR",
      rtt: 1_000_000n,
      RD: true,
      RA: true,
      answers: ["nnn.example.test", "10.0.0.7"],
      TTLs: [60_000_000_000n, 300_000_000_000n],
    });
  });

  it("logs a query that is not answered, and a reply without a query, by themselves", () => {
    const rows = rowsOf(drive("dns", [client(query("0001")), server(reply("0002"))], "udp"), "dns");
    expect(rows.map(({ trans_id, rcode }) => [trans_id, rcode])).toEqual([
      [1, undefined],
      [2, 0],
    ]);
  });

  it.each([1, 5, Infinity])("finds messages in a stream that comes in pieces of %s bytes", (chunk) => {
    const framed = (message: Buffer): Buffer => Buffer.concat([Buffer.from([0, message.length]), message]);
    const said = [client(Buffer.concat([framed(query("0001")), framed(query("0002"))])), server(framed(reply("0002")))];
    const rows = rowsOf(drive("dns", said, "tcp", chunk), "dns");
    expect(rows.map(({ trans_id, answers }) => [trans_id, (answers as string[] | undefined)?.length])).toEqual([
      [2, 2],
      [1, undefined],
    ]);
  });

  it("ends names that point at themselves, and says so", () => {
    const loop = Buffer.from("00010100000100000000000 0c00c00010001".replaceAll(" ", ""), "hex");
    const logged = drive("dns", [client(loop)], "udp");
    expect(rowsOf(logged, "weird")).toMatchObject([{ name: "DNS_label_forward_compress_offset" }]);
  });
});
