/** `watch` on a folder of logs, in a real terminal and as text. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { run } from "../../../src/core/process.ts";
import { program, root } from "../support.ts";
import { Tmux } from "./tmux.ts";

const folder = mkdtempSync(join(tmpdir(), "tapscope-watch-logs-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("shows conn.log's connections, and of the one under the cursor what other logs have, safe for the terminal", async () => {
  const capture = join(root, "fixtures/pcaps/http.pcap");
  const { stdout: log } = await run([process.execPath, program, "flows", "--format", "zeek", capture]);
  const uids = [...log.matchAll(/^[\d.]+\t(C\w+)/gm)].map(([, uid]) => uid!);
  mkdirSync(join(folder, "logs"));
  writeFileSync(join(folder, "logs/conn.log"), log);
  const rows = uids.map((uid) => `1.5\t${uid}\tb\u001b[41m.example\n`).join("");
  const head = "#separator \\x09\n#path\tdns\n#fields\tts\tuid\tquery\n#types\ttime\tstring\tstring\n";
  writeFileSync(join(folder, "logs/dns.log"), `${head}${rows}#close\tx\n`);

  await using tmux = await Tmux.open(120, 36);
  await tmux.type(`${process.execPath} ${program} watch ${join(folder, "logs")}; echo "ended: $?"`);
  await tmux.until(/tcp +10\.0\.0\.1/);
  await tmux.press("Enter");
  await tmux.until("dns  query=b\\x1b[41m.example");
  await tmux.press("q");
  await tmux.until("ended: 0");

  const text = await run([process.execPath, program, "watch", "--json", join(folder, "logs/conn.log")]);
  const last = JSON.parse(text.stdout.trim().split("\n").at(-1)!);
  expect(last.flows.map(({ uid }: { uid: string }) => uid).sort()).toEqual(uids.toSorted());
  const wrong = await run([process.execPath, program, "watch", "--filter", "tcp", join(folder, "logs")], {
    okCodes: [2],
  });
  expect(wrong.stderr).toContain("a log has no packets");
});
