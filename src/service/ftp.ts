/** FTP (RFC 959, RFC 2428): commands that move or change files, with their replies, as ftp.log; transferred files. */
import { announcedEnd } from "./ftp-data.ts";
import { Lines } from "./lines.ts";
import { CONNECTION_FIELDS, logSchema } from "./log/schema.ts";
import type { CarriedFile, Connection, Parser, Protocol, SharedState } from "./protocol.ts";

export const ftpLog = logSchema("ftp", {
  ...CONNECTION_FIELDS,
  user: "string",
  password: "string",
  command: "string",
  arg: "string",
  mime_type: "string",
  file_size: "count",
  reply_code: "count",
  reply_msg: "string",
  "data_channel.passive": "bool",
  "data_channel.orig_h": "addr",
  "data_channel.resp_h": "addr",
  "data_channel.resp_p": "port",
  fuid: "string",
});

const LOGGED = new Set("APPE DELE RETR STOR STOU ACCT PORT PASV EPRT EPSV".split(" "));
/** Commands whose argument is a file or directory. */
const OF_FILES = new Set("APPE CWD DELE MKD RETR RMD RNFR RNTO STOR STOU REST SIZE MDTM".split(" "));
const GUESTS = new Set(["anonymous", "ftp", "ftpuser", "guest"]);
const MAX_PENDING = 20;
const MAX_NAME = 128;
const MAX_TEXT = 4096;
const MAX_EXPECTED = 10_000;

/** Replies that a command can have (RFC 959 §5.4, RFC 2389, RFC 2428, RFC 3659): with them a reply finds its command. */
const TRANSFER = [125, 150, 226, 250, 421, 425, 426, 451, 450, 500, 501, 530, 550];
const STORE = [110, ...TRANSFER, 551, 552, 532, 452, 553];
const REFUSED = [421, 500, 501, 502, 530];
const REPLIES: Readonly<Record<string, readonly number[]>> = {
  "<init>": [120, 220, 421, 0],
  "<missing>": [0],
  USER: [230, 331, 332, 421, 530, 500, 501],
  PASS: [230, 202, 332, 421, 530, 500, 501, 503],
  ACCT: [230, 202, 421, 530, 500, 501, 503],
  CWD: [250, ...REFUSED, 550],
  CDUP: [200, 250, ...REFUSED, 550],
  SMNT: [202, 250, ...REFUSED, 550],
  REIN: [120, 220, 421, 500, 502],
  QUIT: [221, 500, 0],
  PORT: [200, 421, 500, 501, 530],
  PASV: [227, ...REFUSED],
  MODE: [200, 504, ...REFUSED],
  TYPE: [200, 421, 500, 501, 504, 530],
  STRU: [200, 421, 500, 501, 504, 530],
  ALLO: [200, 202, 421, 500, 501, 504, 530],
  REST: [200, 350, ...REFUSED],
  STOR: STORE,
  STOU: STORE,
  RETR: [110, ...TRANSFER],
  LIST: [...TRANSFER, 502].filter((code) => code !== 550),
  NLST: [...TRANSFER, 502].filter((code) => code !== 550),
  APPE: [...STORE.slice(1), 502],
  RNFR: [350, 450, 550, ...REFUSED],
  RNTO: [250, 532, 553, 503, ...REFUSED],
  DELE: [250, 450, 550, ...REFUSED],
  RMD: [250, 550, ...REFUSED],
  MKD: [257, 550, ...REFUSED],
  PWD: [257, 421, 500, 501, 502, 550],
  ABOR: [225, 226, 421, 500, 501, 502],
  SYST: [215, ...REFUSED],
  STAT: [211, 212, 213, 450, ...REFUSED],
  HELP: [200, 211, 214, 421, 500, 501, 502],
  SITE: [200, 202, 214, 500, 501, 502, 530],
  NOOP: [200, 421, 500],
  LPRT: [500, 501, 521],
  FEAT: [211, 500, 502],
  OPTS: [200, 451, 501],
  EPSV: [229, 500, 501],
  EPRT: [200, 500, 501, 522],
  SIZE: [213, 500, 501, 550],
  MDTM: [213, 500, 501, 550],
  MLST: [150, 226, 250, 500, 501, 550],
  MLSD: [150, 226, 250, 500, 501, 550],
  CLNT: [200, 500],
  MACB: [200, 500, 550],
};

interface Command {
  readonly name: string;
  readonly arg: string;
  readonly sequence: number;
  readonly tsNs: bigint;
  cwdConsumed: boolean;
}

interface DataChannel {
  readonly passive: boolean;
  readonly origHost: string;
  readonly respHost: string;
  readonly respPort: number;
}

/** What a transfer says of the file, for the command that asked for it. */
interface TransferNote {
  mimeType?: string | undefined;
  fuid?: string | undefined;
}

/** Data connections that control connections announced. */
class ExpectedTransfers implements SharedState {
  readonly #expected = new Map<string, TransferNote>();

  add(host: string, port: number, note: TransferNote): void {
    if (this.#expected.size >= MAX_EXPECTED) this.#expected.delete(this.#expected.keys().next().value!);
    this.#expected.set(`${host} ${port}`, note);
  }

  take(host: string, port: number): TransferNote | undefined {
    const note = this.#expected.get(`${host} ${port}`);
    this.#expected.delete(`${host} ${port}`);
    return note;
  }

  finish(): void {
    this.#expected.clear();
  }
}

const expectedTransfers = (c: Connection): ExpectedTransfers => c.shared("ftp", () => new ExpectedTransfers());

class FtpParser implements Parser {
  readonly #c: Connection;
  readonly #requests = new Lines((line) => this.#request(line));
  readonly #replies = new Lines((line) => this.#reply(line));
  readonly #pending = new Map<number, Command>();
  #sequence = 0;
  #user = "<unknown>";
  #password: string | undefined;
  #cwd = ".";
  #command: Command | undefined;
  #replyCode: number | undefined;
  #replyText: string | undefined;
  #fileSize: number | undefined;
  #channel: DataChannel | undefined;
  #note: TransferNote = {};
  /** The code that ends a reply of several lines. */
  #multiline: number | null = null;
  #encrypted = false;

  constructor(c: Connection) {
    this.#c = c;
    this.#add("<init>", "");
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    if (this.#encrypted) return;
    (fromOrig ? this.#requests : this.#replies).data(bytes);
  }

  gap(fromOrig: boolean): void {
    (fromOrig ? this.#requests : this.#replies).gap();
  }

  end(): void {
    for (const command of this.#pending.values()) {
      this.#command = command;
      this.#log();
    }
    this.#pending.clear();
  }

  #add(name: string, arg: string): void {
    if (this.#pending.size >= MAX_PENDING) {
      this.#c.weird("FTP_too_many_pending_commands", String(this.#pending.size));
      return;
    }
    const sequence = ++this.#sequence;
    this.#pending.set(sequence, { name, arg, sequence, tsNs: this.#c.nowNs, cwdConsumed: false });
  }

  #request(line: string): void {
    const match = /^\s*(\S+)(?:\s+(.*))?$/.exec(line);
    if (!match) return;
    if (this.#command && this.#replyCode !== undefined && this.#pending.delete(this.#command.sequence)) this.#log();
    const name = match[1]!.toUpperCase();
    const arg = match[2] ?? "";
    this.#add(name, arg);
    if (name === "USER") this.#user = arg.slice(0, MAX_NAME);
    else if (name === "PASS") this.#password = arg.slice(0, MAX_NAME);
    else if (name === "PORT" || name === "EPRT") {
      const end = announcedEnd(line);
      const respHost = end?.host ?? this.#c.origHost;
      if (end) this.#expect({ passive: false, origHost: this.#c.respHost, respHost, respPort: end.port });
    }
  }

  #reply(line: string): void {
    const match = /^(\d{3})([ -]?)(.*)$/.exec(line);
    let code = match ? Number(match[1]) : 0;
    let text = match?.[3] ?? line;
    let goesOn = match?.[2] === "-";
    if (this.#multiline !== null) {
      if (code === this.#multiline && match?.[2] === " ") this.#multiline = null;
      else {
        code = 0;
        text = line;
        goesOn = true;
      }
    } else if (goesOn) this.#multiline = code;
    if (goesOn && code === 0 && this.#replyCode !== undefined && !/^[1-9]\d{2} [\x20-\x7e]{10}/.test(text)) return;
    const command = this.#bestCommand(code, text);
    this.#command = command;
    this.#replyCode = code;
    this.#replyText = text;
    if (goesOn) return;
    this.#readReply(command, code, text);
    if (this.#pending.size > 1 && command) {
      this.#pending.delete(command.sequence);
      this.#log();
    }
  }

  #readReply(command: Command | undefined, code: number, text: string): void {
    const name = command?.name;
    if ((code === 150 && name === "RETR") || (code === 213 && name === "SIZE")) {
      const size = text.match(/\d+/g)?.at(-1);
      if (size !== undefined) this.#fileSize = Number(size);
    } else if ((code === 227 || code === 229) && (name === "PASV" || name === "EPSV")) {
      const end = announcedEnd(`${code} ${text}`);
      const respHost = end?.host ?? this.#c.respHost;
      if (end) this.#expect({ passive: true, origHost: this.#c.origHost, respHost, respPort: end.port });
    } else if (code === 234 && name === "AUTH") {
      this.#encrypted = true;
      this.#c.become("tls");
      return;
    }
    if (!command || command.cwdConsumed) return;
    if (name === "CWD" && code === 250) this.#cwd = joinPath(this.#cwd, command.arg);
    else if (name === "CDUP" && (code === 200 || code === 250)) this.#cwd = joinPath(this.#cwd, "/..");
    else if ((name === "PWD" || name === "XPWD") && code === 257) this.#cwd = /"([^"]*)"/.exec(text)?.[1] ?? this.#cwd;
    else return;
    command.cwdConsumed = true;
  }

  /** The command that a reply most probably answers. */
  #bestCommand(code: number, text: string): Command | undefined {
    let best: Command | undefined;
    let bestScore = -1;
    for (const command of this.#pending.values()) {
      let score = code === 500 || REPLIES[command.name]?.includes(code) ? 100 : 0;
      if (text.includes(command.name)) score += 20;
      if (command.arg === "" || text.includes(command.arg)) score += 10;
      if (score > bestScore) {
        best = command;
        bestScore = score;
      }
    }
    return best;
  }

  #expect(channel: DataChannel): void {
    this.#channel = channel;
    expectedTransfers(this.#c).add(channel.respHost, channel.respPort, this.#note);
  }

  #log(): void {
    const command = this.#command!;
    const { name } = command;
    const hides = !GUESTS.has(this.#user.toLowerCase());
    const arg = OF_FILES.has(name) ? this.#url(command.arg) : name === "PASS" && hides ? "<hidden>" : command.arg;
    if (LOGGED.has(name)) {
      this.#c.write(ftpLog, {
        ts: command.tsNs,
        user: this.#user,
        password: this.#password === undefined ? undefined : hides ? "<hidden>" : this.#password,
        command: name,
        arg: arg.slice(0, MAX_TEXT) || undefined,
        mime_type: this.#note.mimeType,
        file_size: this.#fileSize,
        reply_code: this.#replyCode,
        reply_msg: this.#replyText?.slice(0, MAX_TEXT),
        "data_channel.passive": this.#channel?.passive,
        "data_channel.orig_h": this.#channel?.origHost,
        "data_channel.resp_h": this.#channel?.respHost,
        "data_channel.resp_p": this.#channel?.respPort,
        fuid: this.#note.fuid,
      });
    }
    // These belong to one command; the note lives on for the transfer that may still come.
    this.#note.mimeType = undefined;
    this.#note.fuid = undefined;
    this.#fileSize = undefined;
    this.#channel = undefined;
  }

  #url(arg: string): string {
    const path = joinPath(this.#cwd, arg);
    const host = this.#c.respHost.includes(":") ? `[${this.#c.respHost}]` : this.#c.respHost;
    return `ftp://${host}${path.startsWith("/") ? "" : "/"}${path}`;
  }
}

/** A path below another, without `..`, `/./` and double slashes; a leading `./` says that the directory is not known. */
function joinPath(directory: string, path: string): string {
  let compressed = path.startsWith("/") || directory === "" ? path : `${directory}/${path}`;
  for (;;) {
    const shorter = compressed.replace(/(^|\/)(?!\.\.?(?:\/|$))[^/]+\/+\.\.(?=\/|$)/, "");
    if (shorter === compressed) break;
    compressed = shorter;
  }
  compressed = compressed.replace(/(?:\/\.?){2,}/g, "/");
  return compressed.length > 1 ? compressed.replace(/\/$/, "") : compressed;
}

/** A data connection: one file. */
class FtpDataParser implements Parser {
  readonly #c: Connection;
  readonly #note: TransferNote | undefined;
  #file: CarriedFile | undefined;
  #sniffed = 0;

  constructor(c: Connection) {
    this.#c = c;
    this.#note = expectedTransfers(c).take(c.respHost, c.respPort);
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    this.#file ??= this.#c.file("FTP_DATA", fromOrig);
    this.#file.data(bytes);
    this.#sniffed += bytes.length;
    if (!this.#note || this.#note.fuid !== undefined) return;
    this.#note.fuid = this.#file.fuid;
    this.#note.mimeType = this.#file.mimeType;
  }

  gap(_fromOrig: boolean, length: number): void {
    this.#file?.gap(length);
  }

  end(): void {
    this.#file?.end();
  }
}

export const ftp: Protocol = { app: "ftp", logs: [ftpLog], open: (connection) => new FtpParser(connection) };
export const ftpData: Protocol = { app: "ftp-data", logs: [], open: (connection) => new FtpDataParser(connection) };
