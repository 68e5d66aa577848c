/**
 * What host a of a lab asks of host b, as a program of its own: HTTP over IPv4 and IPv6, DNS questions, and bulk transfers
 * over TCP. About 20 Mbit/s, until it is ended. Arguments: b's IPv4 and IPv6 addresses.
 */
import { Resolver } from "node:dns/promises";
import { get } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { BULK_PORT, HTTP_PORT, KNOWN_NAME } from "./ports.ts";

const [ip4 = "", ip6 = ""] = process.argv.slice(2);
const BULK_PIECES = 100;
const BULK_PIECE = Buffer.alloc(40_000);
const BULK_PAUSE_MS = 15;

/** One after the other, with a pause between: what fails is tried again, as the hosts may still be coming up. */
async function repeat(pauseMs: number, act: (round: number) => Promise<unknown>): Promise<never> {
  for (let round = 0; ; round++) {
    await act(round).catch(() => {});
    await sleep(pauseMs);
  }
}

function fetchBytes(host: string, size: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port: HTTP_PORT, path: `/${size}`, agent: false, timeout: 5000 }, (response) => {
      response.resume().on("end", resolve).on("error", reject);
    });
    request.on("error", reject).on("timeout", () => request.destroy(new Error("timeout")));
  });
}

/** A transfer in pieces, so that the rate is steady rather than all at once. */
async function sendBulk(): Promise<void> {
  const socket = connect(BULK_PORT, ip4);
  const closed = new Promise<void>((resolve, reject) => socket.on("close", () => resolve()).on("error", reject));
  closed.catch(() => {});
  socket.setTimeout(5000, () => socket.destroy());
  for (let piece = 0; piece < BULK_PIECES && !socket.destroyed; piece++) {
    socket.write(BULK_PIECE);
    await sleep(BULK_PAUSE_MS);
  }
  socket.end();
  await closed;
}

const resolver = new Resolver({ timeout: 1000, tries: 1 });
resolver.setServers([ip4]);

await Promise.all([
  repeat(400, (round) => fetchBytes(round % 3 === 2 ? ip6 : ip4, 1000 * (1 + (round % 40)))),
  repeat(700, (round) => resolver.resolve4(round % 4 === 3 ? `missing-${round}.lab` : KNOWN_NAME)),
  repeat(300, sendBulk),
]);
