import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ExtractOptions, type ExtractReport, extract } from "../../../src/bro/disk/extract/extract.ts";
import {
  convert,
  debugfs,
  fingerprint,
  listFiles,
  makeFilesystem,
  makeFolder,
  makePartitioned,
  makeSource,
  replaceBytes,
  sha256,
  tool,
} from "./images.ts";

const folder = makeFolder();
const at = (name: string) => join(folder, name);
const START = 1 << 20;
/** No checksums to mend after an edit by hand. */
const UNCHECKED = ["-O", "^metadata_csum,^dir_index"];
let source: { root: string; files: number };
let expected: Map<string, string>;
let runs = 0;

beforeAll(() => {
  source = makeSource(folder);
  expected = listFiles(source.root);
  makeFilesystem(at("whole.raw"), source.root);
  convert(at("whole.raw"), at("whole.qcow2"), "qcow2");
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

async function run(
  image: string,
  options: ExtractOptions = {},
): Promise<{ report: ExtractReport; out: string; files: Map<string, string> }> {
  const out = at(`out${++runs}`);
  const before = fingerprint(image);
  const { reports } = await extract([image], out, options);
  expect(fingerprint(image)).toBe(before);
  expect(existsSync(`${out}.partial`)).toBe(false);
  return { report: reports[0]!, out, files: listFiles(out) };
}

function manifestOf(report: ExtractReport): Record<string, unknown>[] {
  return readFileSync(report.manifest, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Extracts and compares with the source tree. */
async function expectWhole(image: string, options: ExtractOptions = {}): Promise<ExtractReport> {
  const { report, files } = await run(image, options);
  expect(files).toEqual(expected);
  expect(report).toMatchObject({ files: source.files, damaged: false, incomplete: [] });
  return report;
}

describe("images", () => {
  it("reads a raw and a qcow2 disk without a partition table", async () => {
    expect(await expectWhole(at("whole.raw"))).toMatchObject({ method: "native", partition: null, filesystem: "ext4" });
    expect(await expectWhole(at("whole.qcow2"))).toMatchObject({ format: "qcow2", journal: "clean" });
  });

  it("finds the one partition with a filesystem: MBR, logical, and GPT with another partition before it", async () => {
    const mbr = makePartitioned(at("mbr.raw"), 25, `label: dos\n${START / 512},,83\n`);
    makeFilesystem(mbr, source.root, { megabytes: 25, offset: START });
    expect((await expectWhole(convert(mbr, at("mbr.qcow2"), "qcow2"))).partition).toBe(1);

    const logical = makePartitioned(
      at("logical.raw"),
      72,
      "label: dos\n2048,4096,83\n8192,,5\n10240,4096,82\n16384,,83\n",
    );
    makeFilesystem(logical, source.root, { megabytes: 32, offset: 16384 * 512 });
    expect((await expectWhole(logical)).partition).toBe(6);

    writeFileSync(at("gpt.raw"), "");
    truncateSync(at("gpt.raw"), 32 << 20);
    tool(["sgdisk", "-n", "1:2048:+1M", "-n", "2:8192:-40", at("gpt.raw")]);
    const size = tool(["sgdisk", "-i", "2", at("gpt.raw")]).match(/Partition size: (\d+)/)![1]!;
    tool([
      "sh",
      "-c",
      `mke2fs -q -F -t ext4 -E offset=${8192 * 512} -d ${source.root} ${at("gpt.raw")} ${Math.floor(Number(size) / 2)}k`,
    ]);
    expect((await expectWhole(at("gpt.raw"))).partition).toBe(2);
    // The first table is destroyed: its copy at the end counts.
    const data = readFileSync(at("gpt.raw"));
    data.fill(0xaa, 512, 600);
    writeFileSync(at("gpt-backup.raw"), data);
    const { report } = await run(at("gpt-backup.raw"), { partition: 2 });
    expect(report.files).toBe(source.files);
  });

  it("reads compressed clusters (zlib, zstd), version 2, and small and large clusters", async () => {
    await expectWhole(convert(at("whole.raw"), at("comp.qcow2"), "qcow2", ["-c"]));
    await expectWhole(convert(at("whole.raw"), at("zstd.qcow2"), "qcow2", ["-c", "-o", "compression_type=zstd"]));
    await expectWhole(convert(at("whole.raw"), at("v2.qcow2"), "qcow2", ["-o", "compat=0.10"]));
    await expectWhole(convert(at("whole.raw"), at("c512.qcow2"), "qcow2", ["-o", "cluster_size=512"]));
    await expectWhole(convert(at("whole.raw"), at("c2M.qcow2"), "qcow2", ["-o", "cluster_size=2M"]));
  });

  it("reads vmdk, vdi, vhdx, vhd and qcow2 with extended L2 entries through qemu-nbd", async () => {
    for (const format of ["vmdk", "vdi", "vhdx"]) {
      const report = await expectWhole(convert(at("whole.raw"), at(`whole.${format}`), format));
      expect(report).toMatchObject({ format, method: "qemu-nbd" });
    }
    const extended = convert(at("whole.raw"), at("ext.qcow2"), "qcow2", ["-o", "extended_l2=on"]);
    expect((await expectWhole(extended)).method).toBe("qemu-nbd");
  });

  it.each(["whole.qcow2", "whole.raw"])("gives the same by method qemu-nbd: %s", async (name) => {
    expect((await expectWhole(at(name), { method: "qemu-nbd" })).method).toBe("qemu-nbd");
  });

  it("opens an encrypted disk with its passphrase, and tells a missing key from a wrong one", async () => {
    writeFileSync(at("key"), "secret");
    writeFileSync(at("wrong"), "Secret");
    const secret = ["--object", `secret,id=s,file=${at("key")}`];
    const luks = convert(at("whole.raw"), at("whole.luks"), "luks", [...secret, "-o", "key-secret=s,iter-time=10"]);
    const inside = convert(at("whole.raw"), at("luks.qcow2"), "qcow2", [
      ...secret,
      "-o",
      "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
    ]);
    for (const image of [luks, inside]) {
      await expect(run(image)).rejects.toMatchObject({
        code: "E_DISK_KEY_NEEDED",
        hint: expect.stringContaining("--key-file"),
      });
      await expect(run(image, { keyFile: at("wrong") })).rejects.toMatchObject({ code: "E_DISK_KEY_WRONG" });
      await expect(run(image, { keyFile: at("none") })).rejects.toMatchObject({ code: "E_DISK_KEY_FILE" });
      await expectWhole(image, { keyFile: at("key") });
    }
  });

  it("reads an internal snapshot, and names those there are when it is asked for another", async () => {
    const small = makeFilesystem(at("small.raw"), null, { megabytes: 8 });
    debugfs(small, [`write ${join(source.root, "conn.log")} old.log`]);
    convert(small, at("snap.qcow2"), "qcow2");
    tool(["qemu-img", "snapshot", "-c", "s1", at("snap.qcow2")]);
    debugfs(small, ["rm old.log", `write ${join(source.root, "dns.log")} new.log`]);
    tool(["qemu-img", "convert", "-n", "-O", "qcow2", small, at("snap.qcow2")]);
    expect([...(await run(at("snap.qcow2"))).files.keys()]).toEqual(["new.log"]);
    for (const method of ["native", "qemu-nbd"] as const) {
      expect([...(await run(at("snap.qcow2"), { snapshot: "s1", method })).files.keys()]).toEqual(["old.log"]);
    }
    await expect(run(at("snap.qcow2"), { snapshot: "s2" })).rejects.toMatchObject({
      code: "E_DISK_SNAPSHOT",
      hint: "there are: s1",
    });
  });

  it("follows a backing file only into folders that were named", async () => {
    mkdirSync(at("base"));
    convert(at("whole.raw"), at("base/base.qcow2"), "qcow2");
    tool(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "base/base.qcow2", at("over.qcow2")]);
    await expect(run(at("over.qcow2"))).rejects.toMatchObject({
      code: "E_DISK_BACKING",
      message: expect.stringContaining("'base/base.qcow2'"),
    });
    await expectWhole(at("over.qcow2"), { backingDirs: [at("base")] });
    await expect(run(at("over.qcow2"), { backingDirs: [at("source")] })).rejects.toMatchObject({
      code: "E_DISK_BACKING",
    });
    rmSync(at("base/base.qcow2"));
    await expect(run(at("over.qcow2"), { backingDirs: [at("base")] })).rejects.toThrow(/relative to .*no such file/);
  });

  it("opens no host file and no address that an image names", async () => {
    for (const [name, backing] of [
      ["evil-file", "/etc/shadow"],
      ["evil-nbd", "nbd://127.0.0.1:10809/x"],
      ["evil-json", 'json:{"driver":"file","filename":"/etc/shadow"}'],
      ["evil-up", "../../../../../../../../etc/hostname"],
    ] as const) {
      tool(["qemu-img", "create", "-q", "-f", "qcow2", "-u", "-F", "raw", "-b", backing, at(`${name}.qcow2`), "64M"]);
      for (const method of ["native", "qemu-nbd", "auto"] as const) {
        await expect(run(at(`${name}.qcow2`), { method, backingDirs: [folder] })).rejects.toMatchObject({
          code: "E_DISK_BACKING",
        });
      }
    }
    writeFileSync(
      at("evil.vmdk"),
      '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 2048 FLAT "/etc/shadow" 0\n',
    );
    await expect(run(at("evil.vmdk"))).rejects.toMatchObject({ code: "E_DISK_BACKING" });
  });

  it("never takes a file that is called .qcow2 for raw, and says so of an empty disk, a text, a folder", async () => {
    writeFileSync(at("no.qcow2"), Buffer.alloc(4096, 1));
    await expect(run(at("no.qcow2"))).rejects.toMatchObject({ code: "E_DISK_FORMAT" });
    tool(["qemu-img", "create", "-q", "-f", "qcow2", at("empty.qcow2"), "64M"]);
    await expect(run(at("empty.qcow2"))).rejects.toMatchObject({
      code: "E_FS_EMPTY",
      hint: expect.stringContaining("VM"),
    });
    writeFileSync(at("text.img"), "hello ".repeat(1000));
    await expect(run(at("text.img"))).rejects.toMatchObject({ code: "E_FS_UNKNOWN" });
    await expect(extract([folder], at("never"))).rejects.toMatchObject({ code: "E_DISK_OPEN" });
    await expect(extract([at("missing.raw")], at("never"))).rejects.toMatchObject({ code: "E_DISK_OPEN" });
    writeFileSync(at("zero.raw"), "");
    await expect(run(at("zero.raw"))).rejects.toMatchObject({ code: "E_DISK_FORMAT" });
    expect(existsSync(at("never"))).toBe(false);
  });

  it("lists the partitions when there is more than one to choose from, or none", async () => {
    const disk = makePartitioned(at("two.raw"), 40, "label: dos\n2048,16384,83\n20480,,83\n");
    makeFilesystem(disk, null, { megabytes: 9, offset: START });
    makeFilesystem(disk, `${source.root}/deep`, { megabytes: 40, offset: 20480 * 512 });
    await expect(run(disk)).rejects.toMatchObject({
      code: "E_PARTITION_CHOICE",
      hint: expect.stringContaining("--partition"),
    });
    expect((await run(disk, { partition: 2 })).report.files).toBe(1);
    await expect(run(disk, { partition: 7 })).rejects.toMatchObject({ code: "E_PARTITION" });
    const bare = makePartitioned(at("bare.raw"), 8, "label: dos\n2048,,83\n");
    await expect(run(bare)).rejects.toMatchObject({ code: "E_FS_UNKNOWN", message: expect.stringContaining("empty") });
  });
});

describe("filesystems", () => {
  it.each([
    ["ext2", ["-t", "ext2"]],
    ["ext2 with 1 KiB blocks", ["-t", "ext2", "-b", "1024"]],
    ["ext3", ["-t", "ext3"]],
    ["1 KiB blocks", ["-b", "1024"]],
    ["no 64bit, no checksums", ["-O", "^64bit,^metadata_csum"]],
    ["uninit_bg", ["-O", "^metadata_csum,uninit_bg"]],
    ["meta_bg with 1 KiB blocks", ["-b", "1024", "-O", "meta_bg,^resize_inode,64bit"]],
    ["bigalloc", ["-O", "bigalloc"]],
    ["sparse_super2", ["-O", "sparse_super2"]],
    ["a checksum seed", ["-O", "metadata_csum_seed"]],
    ["no journal", ["-O", "^has_journal"]],
    ["128-byte inodes", ["-I", "128"]],
    ["fast_commit", ["-O", "fast_commit"]],
    ["large_dir, ea_inode, project", ["-O", "large_dir,ea_inode,project", "-I", "256"]],
  ])("reads ext with %s", async (_, options) => {
    const image = makeFilesystem(at("variant.raw"), source.root, { mke2fs: options });
    await expectWhole(image);
    rmSync(image);
  });

  it("reads inline data: files and directories inside their inodes", async () => {
    const small = at("tiny");
    mkdirSync(join(small, "d"), { recursive: true });
    for (let i = 1; i < 150; i += 7) writeFileSync(join(small, `f${i}`), "x".repeat(i));
    writeFileSync(join(small, "d/in.log"), "y");
    symlinkSync("z".repeat(100), join(small, "long-link"));
    const image = makeFilesystem(at("inline.raw"), small, { megabytes: 8, mke2fs: ["-O", "inline_data", "-I", "256"] });
    const { files, report } = await run(image);
    expect(files).toEqual(listFiles(small));
    expect(report.damaged).toBe(false);
  });

  it("reads block maps with holes up to triple indirection, and sizes beyond 2^32", async () => {
    const image = makeFilesystem(at("map.raw"), null, { megabytes: 8, mke2fs: ["-t", "ext2", "-b", "1024"] });
    writeFileSync(at("far"), "end of a large file\n");
    truncateSync(at("far"), 0);
    tool([
      "sh",
      "-c",
      `printf start > '${at("far")}'; printf 'the end' | dd of='${at("far")}' bs=1 seek=5000000000 conv=notrunc status=none`,
    ]);
    debugfs(image, [`write ${at("far")} far.log`]);
    const out = at("far-out");
    await extract([image], out);
    expect(statSync(join(out, "far.log")).size).toBe(5_000_000_007);
    expect(statSync(join(out, "far.log")).blocks).toBeLessThan(64);
    expect(tool(["sh", "-c", `tail -c 7 '${join(out, "far.log")}'`])).toBe("the end");
    expect(tool(["sh", "-c", `head -c 6 '${join(out, "far.log")}' | od -An -c`])).toContain("s   t   a   r   t  \\0");
  }, 60_000);

  it("reports checksums that are wrong, and keeps the file", async () => {
    const image = at("csum.raw");
    makeFilesystem(image, join(source.root, "deep"), { megabytes: 8 });
    // A field of the inode changes, its checksum does not.
    tool(["debugfs", "-w", "-n", "-R", "set_inode_field a/b/c/d/x.log checksum 0x1234", image]);
    const { report, files } = await run(image);
    expect(files.get("a/b/c/d/x.log")).toBe(expected.get("deep/a/b/c/d/x.log"));
    expect(report.damaged).toBe(true);
    const line = manifestOf(report).find((entry) => entry.path === "a/b/c/d/x.log")!;
    expect(line.warnings).toEqual([expect.stringContaining("wrong checksum")]);
  });

  it("names what the guest encrypted, and an external journal", async () => {
    const image = makeFilesystem(at("crypt.raw"), join(source.root, "deep"), {
      megabytes: 8,
      mke2fs: ["-O", "encrypt"],
    });
    debugfs(image, ["set_inode_field a/b flags 0x80800"]);
    const { report } = await run(image);
    expect(report.skipped).toEqual([{ path: "a/b", why: expect.stringContaining("fscrypt") }]);
    const external = makeFilesystem(at("extj.raw"), null, { megabytes: 8 });
    debugfs(external, ["set_super_value journal_inum 0", "feature needs_recovery"]);
    expect((await run(external)).report).toMatchObject({ journal: "ignored", damaged: true });
    tool(["mke2fs", "-q", "-F", "-O", "journal_dev", at("journal.raw"), "8M"]);
    await expect(run(at("journal.raw"))).rejects.toMatchObject({ code: "E_FS_FEATURE" });
  });
});

describe("what is extracted", () => {
  it("takes /bro where there is one, else the root, or --path", async () => {
    const tree = at("guest");
    mkdirSync(join(tree, "bro"), { recursive: true });
    mkdirSync(join(tree, "var/log"), { recursive: true });
    writeFileSync(join(tree, "bro/conn.log"), "a");
    writeFileSync(join(tree, "var/log/x.log"), "b");
    const image = makeFilesystem(at("guest.raw"), tree, { megabytes: 8 });
    expect([...(await run(image)).files.keys()]).toEqual(["conn.log"]);
    expect([...(await run(image, { path: "/var/log" })).files.keys()]).toEqual(["x.log"]);
    expect((await run(image, { path: "/" })).files.size).toBe(2);
    await expect(run(image, { path: "/none" })).rejects.toMatchObject({ code: "E_DISK_PATH" });
  });

  it("takes only what --include and --exclude leave, without empty folders", async () => {
    const { files, out } = await run(at("whole.qcow2"), { include: ["conn*", "many/f000?"], exclude: ["2026*"] });
    const wanted = [...expected.keys()].filter((path) => /^(conn.log|many\/f000.)$/.test(path));
    expect([...files.keys()].sort()).toEqual(wanted.sort());
    expect(readdirSync(out).sort()).toEqual(["conn.log", "manifest.jsonl", "many"]);
  });

  it("tells of each log what it is: kind, rows, times, damage", async () => {
    const { report } = await run(at("whole.qcow2"));
    const logs = new Map(report.logs.map((log) => [log.path, log]));
    expect(logs.get("conn.log")).toMatchObject({
      kind: "conn",
      rows: 5000,
      firstUs: 1763892000_000000,
      lastUs: 1763896999_004999,
      damage: null,
    });
    expect(logs.get("dns.log")).toMatchObject({
      kind: "dns",
      rows: 100,
      damage: expect.stringMatching(/incomplete.*no #close/),
    });
    expect(logs.get("http.json.log")).toMatchObject({
      kind: "http",
      rows: 50,
      firstUs: 1763892000_250000,
      damage: null,
    });
    expect(logs.get("empty.log")).toMatchObject({ rows: 0, damage: expect.stringContaining("delayed allocation") });
    expect(logs.get("nul.log")).toMatchObject({
      kind: "ssl",
      rows: 30,
      damage: expect.stringContaining("3535 NUL bytes"),
    });
    expect(logs.get("2026-11-23/conn.10:00:00-11:00:00.log.gz")).toMatchObject({
      kind: "conn",
      rows: 700,
      damage: null,
    });
    const cut = logs.get("2026-11-23/files.10:00:00-11:00:00.log.gz")!;
    expect(cut.damage).toContain("gzip is cut");
    expect(cut.rows).toBeGreaterThan(1000);
    expect(logs.has("current/stderr.log")).toBe(false);
  });

  it("writes a manifest with every name, size, time, mode, owner, hash, link and skipped thing", async () => {
    const { report, out } = await run(at("whole.qcow2"));
    const lines = manifestOf(report);
    const byPath = new Map(lines.map((line) => [line.path as string, line]));
    const conn = byPath.get("conn.log")!;
    expect([conn, byPath.get("hard.log")].map((line) => line!.sha256 ?? line!.hardlink_of).sort()).toEqual(
      [expected.get("conn.log"), conn.sha256 ? "conn.log" : "hard.log"].sort(),
    );
    const dns = byPath.get("dns.log")!;
    expect(dns).toMatchObject({ type: "file", mode: "0644", links: 1, sha256: sha256(join(out, "dns.log")) });
    expect(dns.mtime_ns).toBe(
      statSync(join(source.root, "dns.log"), { bigint: true })
        .mtimeNs.toString()
        .replace(/\d{9}$/, "000000000"),
    );
    expect(byPath.get("abs-evil")).toMatchObject({
      type: "link",
      target: "/etc/shadow",
      why: expect.stringContaining("not made"),
    });
    expect(byPath.get("fifo")).toMatchObject({ type: "fifo", why: "a fifo is never made" });
    expect(lines.filter((line) => line.path_b64 !== undefined)).toHaveLength(1);
    expect(statSync(join(out, "conn.log")).ino).toBe(statSync(join(out, "hard.log")).ino);
  });

  it("makes no link by default, and with --links safe only those that lead to something extracted", async () => {
    const none = await run(at("whole.qcow2"));
    expect(none.report.skipped.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["link.log", "rel-evil", "abs-evil", "self", "latest"]),
    );
    const { out, report } = await run(at("whole.qcow2"), { links: "safe" });
    expect(lstatSync(join(out, "link.log")).isSymbolicLink()).toBe(true);
    expect(lstatSync(join(out, "latest")).isSymbolicLink()).toBe(true);
    for (const name of ["rel-evil", "abs-evil", "self"])
      expect(lstatSync(join(out, name), { throwIfNoEntry: false })).toBeUndefined();
    expect(report.damaged).toBe(false);
  });

  it("keeps the modes safe and unreadable things readable, and makes no device", async () => {
    const tree = at("modes");
    mkdirSync(join(tree, "locked"), { recursive: true });
    writeFileSync(join(tree, "locked/x.log"), "x");
    writeFileSync(join(tree, "suid.log"), "s");
    chmodSync(join(tree, "suid.log"), 0o6755);
    const image = makeFilesystem(at("modes.raw"), tree, { megabytes: 8 });
    debugfs(image, ["mknod sda b 8 0", "mknod tty c 4 0", "sif locked mode 040000", "sif locked/x.log mode 0100000"]);
    const { out, report } = await run(image);
    expect(readFileSync(join(out, "locked/x.log"), "utf8")).toBe("x");
    expect(statSync(join(out, "suid.log")).mode & 0o7777).toBe(0o644 & ~process.umask());
    expect(statSync(out).mode & 0o7777).toBe(0o755 & ~process.umask());
    expect(report.skipped.map(({ path }) => path).sort()).toEqual(["sda", "tty"]);
    expect(report.damaged).toBe(false);
    expect(readdirSync(out)).not.toContain("sda");
  });

  it("keeps holes", async () => {
    const tree = at("sparse");
    mkdirSync(tree);
    writeFileSync(join(tree, "sparse.log"), "#separator");
    truncateSync(join(tree, "sparse.log"), 200 << 20);
    const { out } = await run(makeFilesystem(at("sparse.raw"), tree, { megabytes: 8 }));
    const { size, blocks } = statSync(join(out, "sparse.log"));
    expect(size).toBe(200 << 20);
    expect(blocks * 512).toBeLessThanOrEqual(65536);
  });

  it("extracts several disks, each into a folder named like it, and keeps the good ones when one is bad", async () => {
    mkdirSync(at("other"));
    convert(at("whole.raw"), at("other/whole.qcow2"), "qcow2");
    const out = at("several");
    const { reports, failures } = await extract([at("whole.qcow2"), at("no.qcow2"), at("other/whole.qcow2")], out);
    expect(readdirSync(out).sort()).toEqual(["whole.qcow2", "whole.qcow2-2"]);
    expect(reports.map((report) => report.files)).toEqual([source.files, source.files]);
    expect(failures).toMatchObject([{ image: at("no.qcow2"), error: { code: "E_DISK_FORMAT" } }]);
  });

  it("stores the guest's own manifest.jsonl under another name", async () => {
    mkdirSync(at("mani"));
    writeFileSync(at("mani/manifest.jsonl"), "mine");
    const { out, report } = await run(makeFilesystem(at("mani.raw"), at("mani"), { megabytes: 8 }));
    expect(readFileSync(join(out, "manifest.jsonl.guest"), "utf8")).toBe("mine");
    expect(manifestOf(report).find((line) => line.path === "manifest.jsonl")).toMatchObject({
      stored_as: "manifest.jsonl.guest",
    });
  });
});

describe("damaged and hostile disks", () => {
  it("skips illegal and double names, extracts the rest, and writes nothing outside", async () => {
    const tree = at("hostile");
    mkdirSync(tree);
    for (const name of ["x--PWNED.lo", "good.log", "dup-a.log", "dup-b.log"]) writeFileSync(join(tree, name), name);
    const image = makeFilesystem(at("hostile.raw"), tree, { megabytes: 8, mke2fs: UNCHECKED });
    replaceBytes(image, "x--PWNED.lo", "../PWNED.lo");
    replaceBytes(image, "dup-b.log", "dup-a.log");
    const { report, files } = await run(image);
    expect([...files.keys()].sort()).toEqual(["dup-a.log", "good.log"]);
    expect(report.skipped).toEqual(
      expect.arrayContaining([
        { path: "../PWNED.lo", why: expect.stringContaining("slash") },
        { path: "dup-a.log", why: expect.stringContaining("second entry") },
      ]),
    );
    expect(report.skippedCount).toBe(2);
    expect(report.damaged).toBe(true);
    expect(readdirSync(folder)).not.toContain("PWNED.lo");
  });

  it.each(["none", "safe"] as const)(
    "writes through no link, when a file has the name of one (links: %s)",
    async (links) => {
      const tree = at(`through-${links}`);
      mkdirSync(tree);
      writeFileSync(at("victim"), "untouched");
      symlinkSync(at("victim"), join(tree, "aaaa"));
      writeFileSync(join(tree, "aaab"), "overwritten");
      const image = makeFilesystem(at(`through-${links}.raw`), tree, { megabytes: 8, mke2fs: UNCHECKED });
      replaceBytes(image, "aaab", "aaaa");
      await run(image, { links });
      expect(readFileSync(at("victim"), "utf8")).toBe("untouched");
    },
  );

  it("ends on directory loops, depths without end, and trees that use a block twice", async () => {
    const tree = at("loops");
    mkdirSync(join(tree, "a/b"), { recursive: true });
    writeFileSync(join(tree, "a/b/x.log"), "x");
    writeFileSync(join(tree, "deep.log"), "y".repeat(100_000));
    const image = makeFilesystem(at("loops.raw"), tree, { megabytes: 8, mke2fs: UNCHECKED });
    debugfs(image, ["ln a a/b/up", "ln <2> a/root", "sif deep.log block[1] 0x00050004"]);
    const { report, files } = await run(image);
    expect([...files.keys()].sort()).toEqual(["a/b/x.log"]);
    expect(report.skipped.map(({ why }) => why)).toEqual(
      expect.arrayContaining([expect.stringContaining("loop"), expect.stringContaining("incomplete")]),
    );
  });

  it("ends on a directory of a million names", async () => {
    const tree = at("million");
    mkdirSync(tree);
    writeFileSync(join(tree, "target.log"), "t");
    const count = 1_100_000;
    const perBlock = 1024 / 16;
    const blocks = Buffer.alloc(Math.ceil(count / perBlock) * 1024);
    for (let i = 0; i < blocks.length / 16; i++) {
      blocks.writeUInt32LE(12, i * 16);
      blocks.writeUInt16LE(16, i * 16 + 4);
      blocks[i * 16 + 6] = 8;
      blocks.write(String(10_000_000 + i), i * 16 + 8, "latin1");
    }
    writeFileSync(join(tree, "zdir"), blocks);
    const image = makeFilesystem(at("million.raw"), tree, { megabytes: 40, mke2fs: [...UNCHECKED, "-b", "1024"] });
    debugfs(image, ["sif zdir mode 040755"]);
    const before = process.memoryUsage.rss();
    const { report } = await run(image);
    expect(report.skippedCount).toBeGreaterThan(900_000);
    expect(report.skipped.length).toBe(10_000);
    expect(report.damaged).toBe(true);
    expect(process.memoryUsage.rss() - before).toBeLessThan(500e6);
  }, 240_000);

  it("keeps what is whole of a cut image, lists the rest, and puts zeros nowhere unsaid", async () => {
    for (const name of ["whole.raw", "whole.qcow2"]) {
      const cut = at(`cut-${name}`);
      const data = readFileSync(at(name));
      // In the middle of a large file.
      const large = data.indexOf(readFileSync(join(source.root, "big.bin")).subarray(0, 512));
      writeFileSync(cut, data.subarray(0, large + 1_000_000));
      const { report, files } = await run(cut);
      expect(report.damaged).toBe(true);
      expect(report.warnings.join()).toMatch(/cut/);
      expect(report.incomplete.length).toBeGreaterThan(0);
      expect(files.size).toBeGreaterThan(3);
      const lines = new Map(manifestOf(report).map((line) => [line.path as string, line]));
      for (const [path, hash] of files) {
        if (path.endsWith(".incomplete")) expect(lines.get(path.slice(0, -11))!.missing).toBeTruthy();
        else expect(hash).toBe(expected.get(path));
      }
      for (const path of report.incomplete)
        expect(report.skipped).toContainEqual({ path, why: expect.stringContaining("incomplete") });
    }
  });

  it("does not need refcounts, and says that they are bad", async () => {
    const bad = at("badref.qcow2");
    const data = readFileSync(at("whole.qcow2"));
    const table = Number(data.readBigUInt64BE(48));
    const block = Number(data.readBigUInt64BE(table));
    data.fill(0, block, block + 65536);
    writeFileSync(bad, data);
    const { report, files } = await run(bad);
    expect(files).toEqual(expected);
    expect(report.damaged).toBe(false);
    expect(report.warnings).toEqual([expect.stringContaining("refcounts")]);
  });
});

describe("the destination", () => {
  it("must not exist or be empty, and is no link", async () => {
    mkdirSync(at("full"));
    writeFileSync(at("full/x"), "");
    mkdirSync(at("void"));
    symlinkSync(at("void"), at("link"));
    writeFileSync(at("plain"), "");
    for (const name of ["full", "link", "plain"]) {
      await expect(extract([at("whole.qcow2")], at(name))).rejects.toMatchObject({ code: "E_DEST_EXISTS" });
    }
    await expect(extract([at("whole.qcow2")], at("none/below"))).rejects.toMatchObject({ code: "E_DEST" });
    mkdirSync(at("foreign.partial"));
    await expect(extract([at("whole.qcow2")], at("foreign"))).rejects.toMatchObject({ code: "E_DEST_EXISTS" });
    expect(existsSync(at("foreign.partial"))).toBe(true);
    await extract([at("whole.qcow2")], at("void"));
    expect(listFiles(at("void"))).toEqual(expected);
  });
});
