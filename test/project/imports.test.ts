import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

const src = join(import.meta.dirname, "../../src");

/** Who may import whom: area -> the areas it may import values and types from. */
const allowed: Record<string, readonly string[]> = {
  core: [],
  engine: ["core"],
  capture: ["core", "engine", "service"],
  mirror: ["core"],
  inventory: ["core"],
  bro: ["core", "engine", "capture"],
  service: ["core", "engine"],
  verify: ["core", "engine", "capture"],
  lab: ["core", "mirror"],
  export: ["core", "engine", "capture", "service", "verify"],
  tui: ["core"],
  jobs: ["core", "engine", "capture", "mirror", "inventory", "service", "bro", "verify", "lab", "export", "tui"],
  cli: ["core", "engine", "capture", "mirror", "inventory", "service", "bro", "verify", "lab", "export", "tui", "jobs"],
  index: ["core", "engine", "capture", "mirror", "inventory", "service", "bro", "verify", "lab", "jobs"],
};
/** Besides, types alone. */
const typesOnly: Record<string, readonly string[]> = { tui: ["capture", "mirror", "verify"] };
/** Packages with one home. */
const homes: Record<string, string> = {
  blessed: "tui/terminal/",
  commander: "cli/",
  execa: "core/",
  cap: "capture/",
  fflate: "service/",
  "hyparquet-writer": "export/",
  "@nats-io/transport-node": "export/",
  "@nats-io/jetstream": "export/",
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly type: boolean;
}

/** What the build makes of tables refers to the files that its rows stand for: it is no part of the picture. */
const isMade = (file: string): boolean => file.startsWith("engine/generated/");

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".ts") && !isMade(file),
);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), "utf8");
  const found: Import[] = [];
  for (const match of text.matchAll(/^\s*(import|export)\s+(type\s+)?[^;'"]*?from\s+["']([^"']+)["']/gm)) {
    found.push({ file, target: match[3]!, type: match[2] !== undefined });
  }
  for (const match of text.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)|^\s*import\s+["']([^"']+)["']/gm)) {
    found.push({ file, target: (match[1] ?? match[2])!, type: false });
  }
  return found;
}

const all = files.flatMap(importsOf);
const area = (file: string): string => file.split("/")[0]!.replace(/\.ts$/, "");
/** The engine's own sources are imported without an ending, as its compiler wants it. */
const resolved = (entry: Import): string =>
  normalize(join(dirname(entry.file), entry.target)).replace(/(?<!\.ts)$/, ".ts");

describe("the import graph", () => {
  it("follows the picture in docs/ARCHITECTURE.md", () => {
    const wrong = all.filter((entry) => {
      if (!entry.target.startsWith(".")) return false;
      const [from, to] = [area(entry.file), area(resolved(entry))];
      return from !== to && !allowed[from]?.includes(to) && !(entry.type && typesOnly[from]?.includes(to));
    });
    expect(wrong).toEqual([]);
  });

  it("keeps each package in its home", () => {
    const wrong = all.filter(({ file, target }) => target in homes && !file.startsWith(homes[target]!));
    expect(wrong).toEqual([]);
  });

  it("uses no package that package.json does not name", () => {
    const manifest = JSON.parse(readFileSync(join(src, "../package.json"), "utf8"));
    const named = { ...manifest.dependencies, ...manifest.optionalDependencies };
    const packages = all
      .map(({ target }) => /^(@[^/]+\/)?[^/]+/.exec(target)![0])
      .filter((name) => !name.startsWith(".") && !name.startsWith("node:"));
    expect(packages.filter((name) => !(name in named))).toEqual([]);
  });

  it("has no cycle of values", () => {
    const edges = new Map<string, string[]>(files.map((file) => [file, []]));
    for (const entry of all)
      if (entry.target.startsWith(".") && !entry.type && !isMade(resolved(entry)))
        edges.get(entry.file)!.push(resolved(entry));
    const state = new Map<string, "open" | "done">();
    const visit = (file: string, path: readonly string[]): void => {
      if (state.get(file) === "done") return;
      if (state.get(file) === "open") throw new Error(`cycle: ${[...path, file].join(" -> ")}`);
      state.set(file, "open");
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
      state.set(file, "done");
    };
    const walk = () => {
      for (const file of files) visit(file, []);
    };
    expect(walk).not.toThrow();
  });

  it("leaves listening to signals and to what nobody caught to cli", () => {
    // Programs that run in processes of their own.
    const programs = ["capture/source/cap-program.ts", "capture/inject/inject-frames.ts"];
    const listens =
      /\.(on|once)\(\s*"(SIG(INT|TERM|HUP|QUIT)|uncaughtException|unhandledRejection)"|process\.exit(Code)?\b/;
    const wrong = files
      .filter((file) => area(file) !== "cli" && !programs.includes(file))
      .filter((file) => listens.test(readFileSync(join(src, file), "utf8")));
    expect(wrong).toEqual([]);
  });
});
