import { expect, it } from "vitest";
import { ftpDataEnd } from "../../src/service/ftp-data.ts";

const end = (line: string) => ftpDataEnd(Buffer.from(line, "latin1"));

it("understands FTP's data ends in all four forms", () => {
  expect(end("PORT 10,0,0,1,195,80\r\n")).toEqual({ ipv4: [10, 0, 0, 1], port: 50_000 });
  expect(end("227 Entering Passive Mode (10,0,0,2,4,1)\r\n")).toEqual({ ipv4: [10, 0, 0, 2], port: 1025 });
  expect(end("229 Entering Extended Passive Mode (|||5000|)\r\n")).toEqual({ ipv4: undefined, port: 5000 });
  expect(end("EPRT |2|fd00::1|5001|\r\n")).toEqual({ ipv4: undefined, port: 5001 });
  for (const line of ["PORT 10,0,0,1,999,80", "229 (|||99999|)", "200 OK", ""]) expect(end(line)).toBeUndefined();
});
