/** x509.log: the certificates that TLS shows, each once in its role. */
import { createHash } from "node:crypto";
import { type Certificate, readCertificate } from "./certificate.ts";
import { CONNECTION_FIELDS, logSchema } from "./log/schema.ts";
import type { Connection, SharedState } from "./protocol.ts";

export const x509Log = logSchema("x509", {
  ts: CONNECTION_FIELDS.ts,
  fingerprint: "string",
  "certificate.version": "count",
  "certificate.serial": "string",
  "certificate.subject": "string",
  "certificate.issuer": "string",
  "certificate.not_valid_before": "time",
  "certificate.not_valid_after": "time",
  "certificate.key_alg": "string",
  "certificate.sig_alg": "string",
  "certificate.key_type": "string",
  "certificate.key_length": "count",
  "certificate.exponent": "string",
  "certificate.curve": "string",
  "san.dns": "vector[string]",
  "san.uri": "vector[string]",
  "san.email": "vector[string]",
  "san.ip": "vector[addr]",
  "basic_constraints.ca": "bool",
  "basic_constraints.path_len": "count",
  host_cert: "bool",
  client_cert: "bool",
});

/** Certificates that are remembered as logged. */
const MAX_KNOWN = 1_000_000;

class KnownCertificates implements SharedState {
  readonly #known = new Set<string>();

  /** Whether it was not seen in this role before. */
  isNew(key: string): boolean {
    if (this.#known.has(key)) return false;
    if (this.#known.size < MAX_KNOWN) this.#known.add(key);
    return true;
  }

  finish(): void {
    this.#known.clear();
  }
}

export interface SeenCertificate {
  /** SHA-256, hex. */
  readonly fingerprint: string;
  readonly certificate: Certificate | undefined;
}

/**
 * Logs a certificate of a chain.
 * @param isHost the first of its chain: that of the host itself
 */
export function seeCertificate(c: Connection, der: Uint8Array, isHost: boolean, fromClient: boolean): SeenCertificate {
  const fingerprint = createHash("sha256").update(der).digest("hex");
  const certificate = readCertificate(der);
  const known = c.shared("x509", () => new KnownCertificates());
  if (!certificate || !known.isNew(`${fingerprint} ${isHost} ${fromClient}`)) return { fingerprint, certificate };
  c.write(x509Log, {
    ts: c.nowNs,
    fingerprint,
    "certificate.version": certificate.version,
    "certificate.serial": certificate.serial,
    "certificate.subject": certificate.subject,
    "certificate.issuer": certificate.issuer,
    "certificate.not_valid_before": certificate.notBeforeNs,
    "certificate.not_valid_after": certificate.notAfterNs,
    "certificate.key_alg": certificate.keyAlgorithm,
    "certificate.sig_alg": certificate.signatureAlgorithm,
    "certificate.key_type": certificate.keyType,
    "certificate.key_length": certificate.keyLength,
    "certificate.exponent": certificate.exponent,
    "certificate.curve": certificate.curve,
    "san.dns": certificate.names?.dns,
    "san.uri": certificate.names?.uri,
    "san.email": certificate.names?.email,
    "san.ip": certificate.names?.ip,
    "basic_constraints.ca": certificate.constraints?.ca,
    "basic_constraints.path_len": certificate.constraints?.pathLength,
    host_cert: isHost,
    client_cert: fromClient,
  });
  return { fingerprint, certificate };
}
