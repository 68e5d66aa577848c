/**
 * A file's type by its first bytes, under the names that Zeek gives (its file magic is the reference for names and for which of
 * two matches wins; the magic numbers are those of the formats themselves).
 */
import { latin1 } from "./cursor.ts";

interface Signature {
  readonly type: string;
  /** Where several match, the strongest wins, of equals the name that comes first in the alphabet. */
  readonly strength: number;
  readonly pattern: RegExp;
}

// What may stand before the first element of a document: a byte order mark, blanks, comments.
const BOM = "^(?:\\xef\\xbb\\xbf)?";
const BLANK = "[\\r\\n\\t ]*";
const PROLOGUE = `${BOM}(?:[\\r\\n\\t ]|<!--[^]*?-->)*`;
const XML_PROLOGUE = `${PROLOGUE}(?:<\\?xml [^]*?\\?>)?(?:[\\r\\n\\t ]|<!--[^]*?-->)*`;
const SHEBANG = "^#![^\\n]{1,15}bin/(?:env\\s+)?";

const row = (type: string, strength: number, pattern: string, flags = ""): Signature => ({
  type,
  strength,
  pattern: new RegExp(pattern, `s${flags}`),
});

const SIGNATURES: readonly Signature[] = [
  row("text/plain", -20, "^(?:\\xef\\xbb\\xbf|(?:\\0\\0)?\\xfe\\xff|\\xff\\xfe(?:\\0\\0)?)?[\\t-\\r\\x20-\\x7e]{10}"),
  row(
    "text/json",
    1,
    `${BOM}${BLANK}\\{${BLANK}(?:"[^"]+"|[a-zA-Z][a-zA-Z0-9\\\\_]*)${BLANK}:${BLANK}(?:"|\\[|\\{|[0-9]|true|false)`,
  ),
  row("text/json", 1, `${BOM}${BLANK}\\[${BLANK}(?:(?:(?:"[^"]+"|[0-9]+(?:\\.[0-9]+)?|true|false)${BLANK},)|\\{|\\[)`),
  row("text/json", 0, `${BOM}${BLANK}(?:\\[\\]|\\{\\})${BLANK}$`),
  row("application/xml", 10, `${PROLOGUE}<\\?xml `),
  row("text/html", 100, `${XML_PROLOGUE}<(?:!doctype +html|html|meta +http-equiv)`, "i"),
  row("text/html", 20, `${XML_PROLOGUE}<(?:head|html|title|body)`, "i"),
  row("text/rss", 90, `${XML_PROLOGUE}<rss`, "i"),
  row(
    "text/atom",
    100,
    `${XML_PROLOGUE}<(?:rss[^>]*xmlns:atom|feed[^>]*xmlns=["']?http://www.w3.org/2005/Atom["']?)`,
    "i",
  ),
  row("application/soap+xml", 49, `${XML_PROLOGUE}<soap(?:-env)?:envelope`, "i"),
  row("text/x-cross-domain-policy", 49, `${XML_PROLOGUE}<(?:!doctype +)?cross-domain-policy`, "i"),
  row("application/xml-rpc", 49, `${XML_PROLOGUE}<methodresponse>`, "i"),
  row("application/java-archive", 100, "^PK\\x03\\x04.{1,200}\\x14\\0..META-INF/MANIFEST\\.MF"),
  row("application/x-java-applet", 71, "^\\xca\\xfe\\xba\\xbe...[\\x2d-\\x34]"),
  row("application/ocsp-request", 71, "^.{11,19}\\x06\\x05\\x2b\\x0e\\x03\\x02\\x1a"),
  row("application/ocsp-response", 71, "^.{11,19}\\x06\\x09\\x2b\\x06\\x01\\x05\\x05\\x07\\x30\\x01\\x01"),
  row("application/x-shockwave-flash", 60, "^[FCZ]WS"),
  row("application/vnd.ms-tnef", 100, "^\\x78\\x9f\\x3e\\x22"),
  row("application/x-mach-o-executable", 100, "^[\\xce\\xcf]\\xfa\\xed\\xfe"),
  row("application/x-pem", 1, "^-----BEGIN CERTIFICATE-----"),
  row("application/vnd.tcpdump.pcap", 70, "^(?:\\xa1\\xb2\\xc3\\xd4|\\xd4\\xc3\\xb2\\xa1)"),
  row("application/vnd.tcpdump.pcap", 100, "^\\n\\r\\r\\n.{4}(?:\\x1a\\x2b\\x3c\\x4d|\\x4d\\x3c\\x2b\\x1a)"),
  row("text/x-shellscript", 250, `${SHEBANG}(?:ba|tc|c|z|fa|ae|k)?sh`),
  row("text/x-perl", 60, `${SHEBANG}perl`),
  row("text/x-ruby", 60, `${SHEBANG}ruby`),
  row("text/x-python", 60, `${SHEBANG}python`),
  row("text/x-php", 60, `${SHEBANG}php`),
  row("text/x-php", 40, "^[^\\n]*<\\?php"),
  row("application/javascript", 60, `${SHEBANG}node(?:js)?`),
  row("application/javascript", 60, `^${BLANK}<script[\\t ]+(?:type|language)=['"]?(?:text/)?javascript`, "i"),
  row("application/javascript", 60, `^${BLANK}(?:for \\(;;\\);|document\\.write(?:ln)? ?\\()`),
  row("application/javascript", 60, "^\\(function\\(\\)[\\t \\n]*\\{"),
  row("application/x-executable", 50, "^\\x7fELF(?:[\\x01\\x02]\\x01.{10}\\x02\\0|[\\x01\\x02]\\x02.{10}\\0\\x02)"),
  row("application/x-sharedlib", 50, "^\\x7fELF(?:[\\x01\\x02]\\x01.{10}\\x03\\0|[\\x01\\x02]\\x02.{10}\\0\\x03)"),
  row("application/x-dosexec", 51, "^MZ"),
  row("application/pdf", 80, "^%PDF-"),
  row("application/postscript", 60, "^%!"),
  row("text/rtf", 61, "^\\{\\\\rtf"),
  row("application/msword", 49, "^\\xd0\\xcf\\x11\\xe0\\xa1\\xb1\\x1a\\xe1"),
  row("application/gzip", 100, "^\\x1f\\x8b"),
  row("application/zip", 10, "^PK\\x03\\x04"),
  row("application/x-bzip2", 70, "^BZh"),
  row("application/x-xz", 100, "^\\xfd7zXZ\\0"),
  row("application/x-7z-compressed", 50, "^7z\\xbc\\xaf\\x27\\x1c"),
  row("application/x-rar", 70, "^Rar!"),
  row("application/x-tar", 100, "^.{257}ustar"),
  row("application/zstd", 100, "^\\x28\\xb5\\x2f\\xfd"),
  row("application/font-woff", 70, "^wOF[F2]"),
  row("application/vnd.ms-cab-compressed", 110, "^MSCF\\0\\0\\0\\0"),
  row("image/tiff", 70, "^(?:MM\\0[\\x2a\\x2b]|II[\\x2a\\x2b]\\0)"),
  row("image/gif", 70, "^GIF8"),
  row("image/jpeg", 52, "^\\xff\\xd8"),
  row("image/x-ms-bmp", 50, "^BM.{12}[\\x0c\\x28\\x40\\x6c\\x7c\\x80]\\0"),
  row("image/x-icon", 70, "^\\0\\0\\x01\\0"),
  row("image/x-cursor", 70, "^\\0\\0\\x02\\0"),
  row("image/png", 110, "^\\x89PNG"),
  row("image/jp2", 60, "^.{4}ftypjp2"),
  row("image/webp", 70, "^RIFF.{4}WEBP"),
  row("audio/mpeg", 20, "^ID3"),
  row("audio/mpeg", 40, "^\\xff[\\xe2\\xe3\\xf2\\xf3\\xf6\\xf7\\xfa\\xfb\\xfc\\xfd]"),
  row("application/ogg", 70, "^OggS"),
  row("video/mp4", 70, "^.{4}ftyp(?:mp4[12s]|isom|iso2|avc1|M4V)"),
  row("video/x-flv", 60, "^FLV\\x01"),
  row("video/x-matroska", 60, "^\\x1a\\x45\\xdf\\xa3"),
  row("video/mpeg", 60, "^\\0\\0\\x01[\\xba\\xb3]"),
];

const ORDERED = [...SIGNATURES].sort((a, b) => b.strength - a.strength || (a.type < b.type ? -1 : 1));

/** The type of what begins with these bytes; undefined where it is not known. */
export function mimeType(bytes: Uint8Array): string | undefined {
  const text = latin1(bytes);
  return ORDERED.find(({ pattern }) => pattern.test(text))?.type;
}
