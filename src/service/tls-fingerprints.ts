/** Fingerprints of a ClientHello: JA3 (MD5 of its numbers in order) and JA4 (FoxIO, BSD-licensed part: sorted, hashed). */
import { createHash } from "node:crypto";
import { isGrease } from "./names/tls.ts";
import { alpnProtocols, EXTENSION, extensionOf, type Hello, numberList, serverNames } from "./tls-messages.ts";

const real = (values: readonly number[]): number[] => values.filter((value) => !isGrease(value));
const hex4 = (value: number): string => value.toString(16).padStart(4, "0");

/** JA3, hex. */
export function ja3(hello: Hello): string {
  const points = extensionOf(hello, EXTENSION.pointFormats);
  const parts = [
    String(hello.version),
    real(hello.ciphers).join("-"),
    real(hello.extensions.map(({ type }) => type)).join("-"),
    real(numberList(extensionOf(hello, EXTENSION.supportedGroups), 2)).join("-"),
    points ? [...points.subarray(1)].join("-") : "",
  ];
  return createHash("md5").update(parts.join(",")).digest("hex");
}

const JA4_VERSIONS: Readonly<Record<number, string>> = {
  772: "13",
  771: "12",
  770: "11",
  769: "10",
  768: "s3",
  2: "s2",
  65279: "d1",
  65277: "d2",
  65276: "d3",
};

function ja4Hash(text: string): string {
  return text === "" ? "000000000000" : createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/** First and last character of the first ALPN value, in hex where they are not letters or digits. */
function ja4Alpn(hello: Hello): string {
  const first = alpnProtocols(hello)[0];
  if (!first) return "00";
  const ends = first[0]! + first.at(-1)!;
  if (/^[0-9A-Za-z]{2}$/.test(ends)) return ends;
  const hex = Buffer.from(first, "latin1").toString("hex");
  return hex[0]! + hex.at(-1)!;
}

/** JA4. `transport` is t (TCP), q (QUIC) or d (DTLS). */
export function ja4(hello: Hello, transport: "t" | "q" | "d"): string {
  const offered = real(numberList(extensionOf(hello, EXTENSION.supportedVersions), 1));
  const version =
    offered.length > 0 ? (transport === "d" ? Math.min(...offered) : Math.max(...offered)) : hello.version;
  const ciphers = real(hello.ciphers).map(hex4).sort();
  const types = real(hello.extensions.map(({ type }) => type));
  const sni = serverNames(hello).length > 0 ? "d" : "i";
  const count = (list: readonly unknown[]): string => String(Math.min(99, list.length)).padStart(2, "0");
  const head = `${transport}${JA4_VERSIONS[version] ?? "00"}${sni}${count(ciphers)}${count(types)}${ja4Alpn(hello)}`;
  const sorted = types
    .filter((type) => type !== EXTENSION.serverName && type !== EXTENSION.alpn)
    .map(hex4)
    .sort();
  const signatures = real(numberList(extensionOf(hello, EXTENSION.signatureAlgorithms), 2)).map(hex4);
  const third = signatures.length > 0 ? `${sorted.join(",")}_${signatures.join(",")}` : sorted.join(",");
  return `${head}_${ja4Hash(ciphers.join(","))}_${ja4Hash(third)}`;
}
