/** X.509 certificates (RFC 5280 §4), as far as x509.log needs them. */
import { addressText } from "./addresses.ts";
import { hexText, latin1 } from "./cursor.ts";
import {
  BIT_STRING,
  BOOLEAN,
  type Element,
  elementAt,
  elementsOf,
  INTEGER,
  integerValue,
  OCTET_STRING,
  OID,
  oidText,
  SEQUENCE,
  UTC_TIME,
} from "./der.ts";
import { ALGORITHMS, CURVES, NAME_ATTRIBUTES } from "./names/oids.ts";

export interface Certificate {
  readonly version: number;
  readonly serial: string;
  /** RFC 4514 as OpenSSL writes it. */
  readonly subject: string;
  readonly issuer: string;
  readonly commonName: string | undefined;
  readonly notBeforeNs: bigint | undefined;
  readonly notAfterNs: bigint | undefined;
  readonly keyAlgorithm: string;
  readonly signatureAlgorithm: string;
  /** "rsa", "dsa", "ecdsa"; undefined for others. */
  readonly keyType: string | undefined;
  /** Bits. */
  readonly keyLength: number | undefined;
  readonly exponent: string | undefined;
  readonly curve: string | undefined;
  readonly names: AlternativeNames | undefined;
  readonly constraints: { readonly ca: boolean; readonly pathLength: number | undefined } | undefined;
}

/** Subject alternative names (RFC 5280 §4.2.1.6); absent kinds are undefined. */
export interface AlternativeNames {
  readonly dns: readonly string[] | undefined;
  readonly uri: readonly string[] | undefined;
  readonly email: readonly string[] | undefined;
  readonly ip: readonly string[] | undefined;
}

const SUBJECT_ALT_NAME = "2.5.29.17";
const BASIC_CONSTRAINTS = "2.5.29.19";
const VERSION_TAG = 0xa0;
const EXTENSIONS_TAG = 0xa3;
const UTF8_STRING = 0x0c;
const BMP_STRING = 0x1e;
const STRING_TAGS = new Set([UTF8_STRING, 0x12, 0x13, 0x14, 0x16, 0x1a, 0x1b, 0x1c, BMP_STRING]);

/** Reads a certificate; undefined where it is none. */
export function readCertificate(der: Uint8Array): Certificate | undefined {
  const outer = elementAt(der, 0);
  if (outer?.tag !== SEQUENCE) return undefined;
  const [tbs, signature] = elementsOf(outer.bytes);
  if (tbs?.tag !== SEQUENCE || signature?.tag !== SEQUENCE) return undefined;
  const fields = elementsOf(tbs.bytes);
  const versioned = fields[0]?.tag === VERSION_TAG ? fields.shift() : undefined;
  const [serial, , issuer, validity, subject, key] = fields;
  if (serial?.tag !== INTEGER || !issuer || !validity || !subject || key?.tag !== SEQUENCE) return undefined;
  const version = versioned ? elementAt(versioned.bytes, 0) : undefined;
  const [notBefore, notAfter] = elementsOf(validity.bytes);
  const extensions = extensionsOf(fields.find(({ tag }) => tag === EXTENSIONS_TAG));
  return {
    version: (version ? integerValue(version) : 0) + 1,
    serial: serialText(serial.bytes),
    subject: nameText(subject.bytes),
    issuer: nameText(issuer.bytes),
    commonName: commonNameOf(subject.bytes),
    notBeforeNs: notBefore && timeNs(notBefore),
    notAfterNs: notAfter && timeNs(notAfter),
    signatureAlgorithm: algorithmName(signature.bytes),
    ...keyOf(key.bytes),
    names: alternativeNames(extensions.get(SUBJECT_ALT_NAME)),
    constraints: basicConstraints(extensions.get(BASIC_CONSTRAINTS)),
  };
}

function serialText(bytes: Uint8Array): string {
  const trimmed = bytes.length > 1 && bytes[0] === 0 ? bytes.subarray(1) : bytes;
  return hexText(trimmed).toUpperCase();
}

function algorithmName(bytes: Uint8Array): string {
  const oid = elementAt(bytes, 0);
  if (oid?.tag !== OID) return "unknown";
  const text = oidText(oid.bytes);
  return ALGORITHMS[text] ?? text;
}

function keyOf(bytes: Uint8Array): Pick<Certificate, "keyAlgorithm" | "keyType" | "keyLength" | "exponent" | "curve"> {
  const [algorithm, bits] = elementsOf(bytes);
  const keyAlgorithm = algorithm ? algorithmName(algorithm.bytes) : "unknown";
  const none = { keyAlgorithm, keyType: undefined, keyLength: undefined, exponent: undefined, curve: undefined };
  if (!algorithm || bits?.tag !== BIT_STRING) return none;
  const parameters = elementsOf(algorithm.bytes)[1];
  if (keyAlgorithm === "rsaEncryption") {
    const [modulus, exponent] = elementsOf(elementAt(bits.bytes, 1)?.bytes ?? new Uint8Array());
    if (!modulus || !exponent) return none;
    return {
      ...none,
      keyType: "rsa",
      keyLength: bitLength(modulus.bytes),
      exponent: BigInt(`0x${hexText(exponent.bytes) || "0"}`).toString(),
    };
  }
  if (keyAlgorithm === "dsaEncryption") {
    const p = parameters && elementAt(parameters.bytes, 0);
    return { ...none, keyType: "dsa", keyLength: p && bitLength(p.bytes) };
  }
  if (keyAlgorithm === "id-ecPublicKey" && parameters?.tag === OID) {
    const curve = CURVES[oidText(parameters.bytes)];
    return { ...none, keyType: "ecdsa", keyLength: curve?.[1], curve: curve?.[0] };
  }
  // Keys that are a string of bytes: their type is the algorithm.
  return /^(?:ML-DSA|ED|X)/.test(keyAlgorithm)
    ? { ...none, keyType: keyAlgorithm, keyLength: (bits.bytes.length - 1) * 8 }
    : none;
}

function bitLength(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length && bytes[at] === 0) at++;
  return at === bytes.length ? 0 : (bytes.length - at) * 8 - (Math.clz32(bytes[at]!) - 24);
}

/** UTCTime and GeneralizedTime (RFC 5280 §4.1.2.5). */
function timeNs({ tag, bytes }: Element): bigint | undefined {
  const match = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:\.\d+)?(Z|[+-]\d{4})?$/.exec(latin1(bytes));
  if (!match) return undefined;
  let year = Number(match[1]);
  if (tag === UTC_TIME) year += year < 50 ? 2000 : 1900;
  const [month, day, hour, minute, second] = match.slice(2, 7).map((part) => Number(part ?? 0));
  const seconds = Date.UTC(year, month! - 1, day, hour, minute, second) / 1000;
  const zone = match[7];
  const offset = zone && zone !== "Z" ? (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3))) * 60 : 0;
  return BigInt(seconds - (zone?.startsWith("-") ? -offset : offset)) * 1_000_000_000n;
}

function attributesOf(rdn: Element): { readonly oid: string; readonly value: Element }[] {
  return elementsOf(rdn.bytes).flatMap((attribute) => {
    const [oid, value] = elementsOf(attribute.bytes);
    return oid?.tag === OID && value ? [{ oid: oidText(oid.bytes), value }] : [];
  });
}

/** A distinguished name, most specific part first (RFC 4514), as OpenSSL's XN_FLAG_RFC2253 writes it. */
function nameText(bytes: Uint8Array): string {
  const parts = elementsOf(bytes).map((rdn) =>
    attributesOf(rdn)
      .reverse()
      .map(({ oid, value }) => `${NAME_ATTRIBUTES[oid] ?? oid}=${valueText(value, oid in NAME_ATTRIBUTES)}`)
      .join("+"),
  );
  return parts.reverse().join(",");
}

function commonNameOf(bytes: Uint8Array): string | undefined {
  const found = elementsOf(bytes)
    .flatMap(attributesOf)
    .filter(({ oid }) => NAME_ATTRIBUTES[oid] === "CN");
  const last = found.at(-1);
  return last && latin1(stringBytes(last.value));
}

/** UTF-8 of a string type. */
function stringBytes({ tag, bytes }: Element): Uint8Array {
  if (tag === UTF8_STRING) return bytes;
  if (tag === BMP_STRING) return Buffer.from(Buffer.from(bytes).swap16().toString("utf16le"), "utf8");
  return Buffer.from(latin1(bytes), "utf8");
}

function valueText(value: Element, known: boolean): string {
  if (!known || !STRING_TAGS.has(value.tag) || (value.tag === BMP_STRING && value.bytes.length % 2 === 1)) {
    return `#${hexText(value.whole).toUpperCase()}`;
  }
  const text = latin1(stringBytes(value));
  return text.replace(/^[ #]|[",+<>;\\]| $|[\0-\x1f\x7f-\xff]/g, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x20 || code >= 0x7f ? `\\${code.toString(16).toUpperCase().padStart(2, "0")}` : `\\${char}`;
  });
}

function extensionsOf(field: Element | undefined): ReadonlyMap<string, Uint8Array> {
  const list = field && elementAt(field.bytes, 0);
  const found = new Map<string, Uint8Array>();
  for (const extension of list ? elementsOf(list.bytes) : []) {
    const parts = elementsOf(extension.bytes);
    const value = parts.at(-1);
    if (parts[0]?.tag === OID && value?.tag === OCTET_STRING) found.set(oidText(parts[0].bytes), value.bytes);
  }
  return found;
}

function alternativeNames(value: Uint8Array | undefined): AlternativeNames | undefined {
  const sequence = value && elementAt(value, 0);
  if (sequence?.tag !== SEQUENCE) return undefined;
  const elements = elementsOf(sequence.bytes);
  const texts = (tag: number): string[] | undefined => {
    const found = elements.filter((element) => element.tag === tag).map(({ bytes }) => latin1(bytes));
    return found.length > 0 ? found : undefined;
  };
  const ips = elements.filter(({ tag }) => tag === 0x87).flatMap(({ bytes }) => addressText(bytes) ?? []);
  return { email: texts(0x81), dns: texts(0x82), uri: texts(0x86), ip: ips.length > 0 ? ips : undefined };
}

function basicConstraints(value: Uint8Array | undefined): Certificate["constraints"] {
  const sequence = value && elementAt(value, 0);
  if (sequence?.tag !== SEQUENCE) return undefined;
  const fields = elementsOf(sequence.bytes);
  const ca = fields.find(({ tag }) => tag === BOOLEAN);
  const path = fields.find(({ tag }) => tag === INTEGER);
  return { ca: ca?.bytes[0] !== undefined && ca.bytes[0] !== 0, pathLength: path && integerValue(path) };
}

/** Whether a host name is one of the certificate's (RFC 6125 §6.4: a wildcard stands for one whole label on the left). */
export function matchesHost({ names, commonName }: Certificate, host: string): boolean {
  const wanted = host.toLowerCase();
  const candidates = names?.dns ?? (commonName === undefined ? [] : [commonName]);
  return candidates.some((candidate) => {
    const name = candidate.toLowerCase();
    if (!name.startsWith("*.")) return name === wanted;
    const dot = wanted.indexOf(".");
    return dot > 0 && wanted.slice(dot) === name.slice(1);
  });
}
