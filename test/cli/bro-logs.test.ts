/** `bro cut`, `logs`, `follow` and `compare` as a program: what is a file, exit codes, disk images, a terminal. Runs the built program. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const program = join(import.meta.dirname, "../../dist/cli/main.js");
const capture = join(import.meta.dirname, "../../fixtures/pcaps/http.pcap");
const folder = mkdtempSync(join(tmpdir(), "tapscope-bro-logs-"));
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: "C" };

function tapscope(args: readonly string[], input?: string) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    env,
    encoding: "utf8",
    ...(input === undefined ? {} : { input }),
  });
  return { stdout, stderr, status };
}

let connLog: string;
const HOSTILE = "a\\x1b[31m\u0007\u001b]0;owned\u0007\u202e";

beforeAll(() => {
  connLog = tapscope(["flows", "--format", "zeek", capture]).stdout;
  mkdirSync(join(folder, "logs/2026-11-23"), { recursive: true });
  writeFileSync(join(folder, "conn.log"), connLog);
  writeFileSync(join(folder, "logs/conn.log"), connLog);
  const head = "#separator \\x09\n#path\tnotice\n#fields\tts\tuid\tnote\n#types\ttime\tstring\tstring\n";
  writeFileSync(join(folder, "logs/2026-11-23/notice.log"), `${head}1.5\tC1\t${HOSTILE}\n#close\tx\n`);
  // A file with the name of a column.
  writeFileSync(join(folder, "service"), connLog);
  writeFileSync(join(folder, "nothing.log"), "hello\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("bro cut", () => {
  const rows = () => connLog.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;

  it("takes a word for a file if it has a / in it, or exists and is no column", () => {
    const cut = tapscope(["bro", "cut", "uid", "service", "conn.log"]);
    expect([cut.status, cut.stderr]).toEqual([0, ""]);
    expect(cut.stdout.split("\n")[0]).toMatch(/^C\w+\t\S+$/);
    expect(tapscope(["bro", "cut", "uid", "./service", "conn.log"]).stdout.split("\n")).toHaveLength(2 * rows() + 1);
    expect(tapscope(["bro", "cut", "uid", "--", "service"]).stdout.split("\n")).toHaveLength(rows() + 1);
  });

  it("reads standard input where no file is named", () => {
    const { stdout, status } = tapscope(["bro", "cut", "-C"], connLog);
    expect([status, stdout]).toEqual([0, connLog]);
  });

  it("reads a pipe by its path once, though it looks at its beginning first", () => {
    const script = `"${process.execPath}" "${program}" bro cut uid <(cat conn.log; seq -f 'bad%.0f' 1 400000)`;
    const { stdout } = spawnSync("bash", ["-c", script], { cwd: folder, encoding: "utf8" });
    expect(stdout).toBe(tapscope(["bro", "cut", "uid", "conn.log"]).stdout);
  });

  it("of -c, -C, -m and -M, and of -d, -D, -u and -U, heeds the last", () => {
    expect(tapscope(["bro", "cut", "-C", "-m", "uid", "conn.log"]).stdout.split("\n")[0]).toBe("uid");
    expect(tapscope(["bro", "cut", "-m", "-c", "uid", "conn.log"]).stdout).toMatch(/^#separator/);
    expect(tapscope(["bro", "cut", "-u", "-U", "%Y", "ts", "conn.log"]).stdout.split("\n")[0]).toMatch(/^\d{4}$/);
    expect(tapscope(["bro", "cut", "-U", "%Y", "-u", "ts", "conn.log"]).stdout.split("\n")[0]).toMatch(/T.*\+0000$/);
  });

  it("says which column there is not, with exit code 2", () => {
    for (const [args, input] of [[["conn.log"]], [[], connLog]] as const) {
      const { stderr, stdout, status } = tapscope(["bro", "cut", "ts", "id.orig", ...args], input);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toContain("'id.orig' is neither a field of these logs nor a file\nhint: did you mean id.orig_");
    }
  });

  it("has exit code 1 for a log that is damaged or none, and 2 for wrong options", () => {
    const cutShort = tapscope(["bro", "cut", "community_id"], connLog.slice(0, connLog.lastIndexOf("\t1:")));
    expect(cutShort.status).toBe(1);
    expect(cutShort.stderr).toContain("standard input: the last line is incomplete");
    expect(tapscope(["bro", "cut", "./nothing.log"]).status).toBe(1);
    expect(tapscope(["bro", "cut", "./missing.log"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("no such file"),
    });
    for (const wrong of [
      ["-F", "ab"],
      ["--since", "yesterday"],
      ["--where", "uid =="],
      ["--where", "nope == 1"],
      ["--format", "xml"],
    ]) {
      expect([wrong, tapscope(["bro", "cut", ...wrong, "uid", "conn.log"]).status]).toEqual([wrong, 2]);
    }
  });

  it("ends quietly when its reader has had enough", () => {
    const { stderr, status } = spawnSync(
      "sh",
      ["-c", `"${process.execPath}" "${program}" bro cut -- service | head -1`],
      { cwd: folder, encoding: "utf8" },
    );
    expect([status, stderr]).toEqual([0, ""]);
  });

  it("gives a pipe the bytes as they are, and a terminal none that could act on it", () => {
    const args = ["bro", "cut", "note", "logs/2026-11-23/notice.log"];
    expect(tapscope(args).stdout).toBe(`${HOSTILE}\n`);
    const line = [process.execPath, program, ...args].map((word) => `'${word}'`).join(" ");
    const shown = execFileSync("script", ["-qec", line, "/dev/null"], { cwd: folder, env: { ...env, TERM: "xterm" } });
    expect(shown.includes(0x1b) || shown.includes(0x07)).toBe(false);
    expect(shown.toString()).toContain("\\x1b]0;owned\\x07\\u{202e}");
  });
});

describe("bro logs", () => {
  it("prints one object a log and one with the summary, and nothing that could act on a terminal", () => {
    const { stdout, status } = tapscope(["bro", "logs", "--json", "logs"]);
    const objects = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(status).toBe(0);
    expect(objects.map(({ kind, summary }) => kind ?? Object.keys(summary))).toEqual([
      "notice",
      "conn",
      ["kinds", "values", "bytes_over_time"],
    ]);
    expect(objects[1]).toEqual(
      expect.objectContaining({ path: "logs/conn.log", kind: "conn", bytes: connLog.length, damage: null }),
    );
    const text = tapscope(["bro", "logs", "logs"]).stdout;
    expect(text).toContain("top hosts");
    expect(text).toContain("owned");
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it("says that there are no logs", () => {
    mkdirSync(join(folder, "empty"), { recursive: true });
    const { stderr, status } = tapscope(["bro", "logs", "empty"]);
    expect([status, stderr]).toEqual([1, "tapscope: there is no Zeek log in empty\n"]);
  });
});

describe("bro follow", () => {
  it("prints a connection's rows, and fails for one that is in no log", () => {
    const uid = /^[\d.]+\t(C\w+)/m.exec(connLog)![1]!;
    const found = tapscope(["bro", "follow", uid, "--json", "logs"]);
    expect(JSON.parse(found.stdout)).toMatchObject({ log: "conn", uid });
    expect(tapscope(["bro", "follow", "CNONE123", "logs"])).toMatchObject({ status: 1, stdout: "" });
    expect(tapscope(["bro", "follow", "logs/conn.log", uid]).status).toBe(2);
  });
});

describe("a disk image", () => {
  const image = () => join(folder, "bro.raw");
  beforeAll(() => {
    mkdirSync(join(folder, "source/bro"), { recursive: true });
    writeFileSync(join(folder, "source/bro/conn.log"), connLog);
    writeFileSync(image(), "");
    truncateSync(image(), 16 << 20);
    const argv = ["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d", join(folder, "source"), image()];
    execFileSync("mke2fs", argv, { env, stdio: "pipe" });
  });

  it("is read by logs, follow and compare without being extracted or changed", () => {
    const hash = () => createHash("sha256").update(readFileSync(image())).digest("hex");
    const before = hash();
    const [log] = tapscope(["bro", "logs", "--json", "bro.raw"]).stdout.split("\n");
    expect(JSON.parse(log!)).toMatchObject({ path: "/bro/conn.log", kind: "conn", damage: null });
    const uid = /^[\d.]+\t(C\w+)/m.exec(connLog)![1]!;
    expect(tapscope(["bro", "follow", uid, "bro.raw"]).stdout).toContain("conn");
    const compared = tapscope(["bro", "compare", "--json", capture, "bro.raw"]);
    expect([compared.status, JSON.parse(compared.stdout).verdict]).toEqual([0, "agree"]);
    expect(hash()).toBe(before);
  });
});

describe("bro compare", () => {
  it("prints one object, writes the packets that differ, and has exit code 3", () => {
    const names = ["dns.pcap", "http.pcap"];
    const captures = names.map((name) => join(import.meta.dirname, "../../fixtures/pcaps", name));
    const log = tapscope(["flows", "--format", "zeek", ...captures]).stdout;
    writeFileSync(
      join(folder, "less.log"),
      log
        .split("\n")
        .filter((line) => !line.includes("\t80\ttcp\t"))
        .join("\n"),
    );
    const args = ["bro", "compare", "--json", ...captures, "less.log", "--write", "differ.pcapng"];
    const { stdout, stderr, status } = tapscope(args);
    const report = JSON.parse(stdout);
    expect(status).toBe(3);
    expect(report).toMatchObject({ verdict: "differ", connections: { capture_only: expect.any(Number) } });
    expect(report.packets.capture - report.packets.log).toBe(report.loss.packets);
    expect(report.differences[0]).toMatchObject({ class: "capture_only", explained: false, log: [] });
    expect(stderr).toContain("are in differ.pcapng");
    const written = JSON.parse(tapscope(["info", "--json", "differ.pcapng"]).stdout);
    expect(written.packets).toBe(report.loss.packets);
    expect(tapscope(["bro", "compare", ...captures, "less.log"]).stdout).toContain("verdict: differ");
  });

  it("agrees with its own log, and fails without one", () => {
    expect(tapscope(["bro", "compare", capture, "logs"])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("verdict: agree"),
    });
    expect(tapscope(["bro", "compare", capture, "empty"]).stderr).toContain("there is no conn.log");
    expect(tapscope(["bro", "compare", capture]).status).toBe(2);
  });
});
