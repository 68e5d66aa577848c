/** Names of TLS numbers as Zeek's ssl.log has them (IANA "Transport Layer Security Parameters"). */
export { tlsCipherName } from "./tls-ciphers.ts";

const VERSIONS: Readonly<Record<number, string>> = {
  2: "SSLv2",
  768: "SSLv3",
  769: "TLSv10",
  770: "TLSv11",
  771: "TLSv12",
  772: "TLSv13",
  65279: "DTLSv10",
  65277: "DTLSv12",
  65276: "DTLSv13",
};

export function tlsVersionName(version: number): string {
  if (version >> 8 === 0x7f) return `TLSv13-draft${version & 0x7f}`;
  return VERSIONS[version] ?? `unknown-${version}`;
}

const CURVES = new Map<number, string>(
  `1 sect163k1,2 sect163r1,3 sect163r2,4 sect193r1,5 sect193r2,6 sect233k1,7 sect233r1,8 sect239k1,9 sect283k1,10 sect283r1,11 sect409k1,
12 sect409r1,13 sect571k1,14 sect571r1,15 secp160k1,16 secp160r1,17 secp160r2,18 secp192k1,19 secp192r1,20 secp224k1,21 secp224r1,22 secp256k1,
23 secp256r1,24 secp384r1,25 secp521r1,26 brainpoolP256r1,27 brainpoolP384r1,28 brainpoolP512r1,29 x25519,30 x448,31 brainpoolP256r1tls13,
32 brainpoolP384r1tls13,33 brainpoolP512r1tls13,34 GC256A,35 GC256B,36 GC256C,37 GC256D,38 GC512A,39 GC512B,40 GC512C,41 curveSM2,256 ffdhe2048,
257 ffdhe3072,258 ffdhe4096,259 ffdhe6144,260 ffdhe8192,512 MLKEM512,513 MLKEM768,514 MLKEM1024,4587 SecP256r1MLKEM768,4588 X25519MLKEM768,
4589 SecP384r1MLKEM1024,4590 curveSM2MLKEM768,16696 CECPQ2,25497 X25519Kyber768Draft00,25498 SecP256r1Kyber768Draft00,
65281 arbitrary_explicit_prime_curves,65282 arbitrary_explicit_char2_curves`
    .split(/,\s*/)
    .map((row) => {
      const [number, name] = row.split(" ");
      return [Number(number), name!];
    }),
);

/** Whether a number is one of those that only exercise extensibility (RFC 8701). */
export const isGrease = (value: number): boolean => (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);

export function tlsCurveName(curve: number): string {
  if (isGrease(curve)) return `grease_0x${curve.toString(16).toUpperCase().padStart(4, "0")}`;
  return CURVES.get(curve) ?? `unknown-${curve}`;
}

const ALERTS: Readonly<Record<number, string>> = {
  0: "close_notify",
  10: "unexpected_message",
  20: "bad_record_mac",
  21: "decryption_failed",
  22: "record_overflow",
  30: "decompression_failure",
  40: "handshake_failure",
  41: "no_certificate",
  42: "bad_certificate",
  43: "unsupported_certificate",
  44: "certificate_revoked",
  45: "certificate_expired",
  46: "certificate_unknown",
  47: "illegal_parameter",
  48: "unknown_ca",
  49: "access_denied",
  50: "decode_error",
  51: "decrypt_error",
  60: "export_restriction",
  70: "protocol_version",
  71: "insufficient_security",
  80: "internal_error",
  86: "inappropriate_fallback",
  90: "user_canceled",
  100: "no_renegotiation",
  110: "unsupported_extension",
  111: "certificate_unobtainable",
  112: "unrecognized_name",
  113: "bad_certificate_status_response",
  114: "bad_certificate_hash_value",
  115: "unknown_psk_identity",
  116: "certificate_required",
  117: "general_error",
  120: "no_application_protocol",
  121: "ech_required",
};

export const tlsAlertName = (alert: number): string => ALERTS[alert] ?? `unknown-${alert}`;
