import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { completionScript } from "../../../src/cli/completion.ts";
import { pathOf } from "../../../src/cli/dry-run.ts";
import { EXAMPLES, FIRST_STEPS } from "../../../src/cli/help/examples.ts";
import { everyCommand, findCommand, helpText } from "../../../src/cli/help/help.ts";
import { manualPages } from "../../../src/cli/help/man.ts";
import { buildProgram } from "../../../src/cli/program.ts";

const leaves = () => everyCommand(buildProgram()).filter((command) => command.commands.length === 0);

/** The command that a line of an example runs, its options looked up in the tree. */
function checkExample(line: string): void {
  const words = line
    .split(/ \| | > |<\(|\)$| &/)
    .find((part) => part.trim().startsWith("tapscope "))!
    .trim()
    .split(/ +/)
    .slice(1);
  let command: Command = buildProgram();
  for (const word of words) {
    if (word === "--") break;
    if (word.startsWith("-") && word !== "-") {
      const known = [...command.options, ...everyCommand(buildProgram())[0]!.options];
      expect([line, word, known.some(({ short, long }) => [short, long].includes(word))]).toEqual([line, word, true]);
      // What follows a program to run is its own.
    } else {
      const next = command.commands.find((each) => each.name() === word);
      if (next) command = next;
      if (pathOf(command) === "lab exec" && !next) break;
    }
  }
  expect([line, command.commands.length]).toEqual([line, 0]);
}

describe("help", () => {
  it("has examples for every command, and they are commands of this program", () => {
    const without = leaves().filter((command) => !helpText(command, 80).includes("\nExamples:\n"));
    expect(without.map(pathOf)).toEqual(["help"]);
    const names = leaves().map(pathOf);
    expect(Object.keys(EXAMPLES).filter((name) => !names.includes(name))).toEqual([]);
    for (const line of [
      ...Object.values(EXAMPLES).flat(),
      ...FIRST_STEPS.split("\n")
        .slice(1)
        .map((it) => it.split("  ")[1]!),
    ])
      checkExample(line);
  });

  it("groups the commands by task, and shows the first steps and one line of global options", () => {
    const text = helpText(buildProgram(), 100);
    for (const part of [
      "Try it:",
      "Build and mirror:",
      "Capture and watch:",
      "Trust it:",
      "tapscope lab up",
      "--db <ovsdb>",
    ])
      expect(text).toContain(part);
    expect(text).not.toContain("--private-key <file>");
    const create = helpText(findCommand(buildProgram(), ["mirror", "create"]), 100);
    expect(create).toContain("Usage: tapscope mirror create");
    expect(create.split("\n").filter((line) => line.includes("--db"))).toHaveLength(1);
  });

  it("help mirror create shows that command, and an unknown one is a mistake", () => {
    const main = join(import.meta.dirname, "../../../dist/cli/main.js");
    const ask = (...words: string[]) => spawnSync(process.execPath, [main, "help", ...words], { encoding: "utf8" });
    expect(ask("mirror", "create").stdout).toMatch(/^Usage: tapscope mirror create /);
    expect(ask().stdout).toMatch(/^Usage: tapscope /);
    expect(ask("mirror", "creat")).toMatchObject({ status: 2, stdout: "" });
  });
});

describe("completion", () => {
  const complete = (...words: string[]): string[] => {
    const script = `${completionScript(buildProgram(), "bash")}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tapscope; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", script, "-", "tapscope", ...words], { encoding: "utf8" })
      .split("\n")
      .filter(Boolean);
  };

  it("for bash gives commands, options and choices where they belong", () => {
    expect(complete("mi")).toEqual(["mirror"]);
    expect(complete("mirror", "cre")).toEqual(["create"]);
    expect(complete("--lab", "mirror", "mirror", "de")).toEqual(["delete"]);
    expect(complete("mirror", "create", "mega_tap0", "--dir")).toEqual(["--direction"]);
    expect(complete("mirror", "create", "--direction", "")).toEqual(["in", "out", "both"]);
    expect(complete("bridge", "tunnel", "")).toEqual(["vxlan", "gre", "geneve"]);
    expect(complete("watch", "--no-c")).toEqual(["--no-color"]);
    expect(complete("capture", "-w", "lab")).toEqual([]);
  });

  it("for each shell is read by it without complaint", ({ skip }) => {
    const folder = mkdtempSync(join(tmpdir(), "tapscope-completion-"));
    let tried = 0;
    try {
      for (const shell of ["bash", "zsh", "fish"] as const) {
        const file = join(folder, shell);
        writeFileSync(file, completionScript(buildProgram(), shell));
        const { status, error, stderr } = spawnSync(shell, ["-n", file], { encoding: "utf8" });
        if (error) continue;
        tried++;
        expect([shell, status, stderr]).toEqual([shell, 0, ""]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
    if (tried === 0) skip("no shell here");
  });
});

describe("manual pages", () => {
  it("are one a command, with all its options, and man finds nothing wrong with them", ({ skip }) => {
    const pages = manualPages(buildProgram());
    expect([...pages.keys()]).toContain("tapscope-mirror.1");
    for (const command of everyCommand(buildProgram()).filter(({ parent }) => parent?.parent)) {
      const page = pages.get(`tapscope-${command.parent!.name()}.1`)!;
      for (const { long } of command.options) if (long) expect(page).toContain(long.replaceAll("-", "\\-"));
    }
    const groff = spawnSync("groff", ["-man", "-Tutf8", "-ww", "-z"], {
      input: [...pages.values()].join(""),
      encoding: "utf8",
    });
    if (groff.error) skip("groff is not installed: their form is not checked");
    expect(groff.stderr).toBe("");
  });
});
