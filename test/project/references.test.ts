import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => /\.(md|ts|mjs|sh|py)$|^\.ci\//.test(file) && existsSync(join(root, file)))
  .filter((file) => file !== "test/project/references.test.ts");

/** What a text refers to: pages and sources of the project by their path, and the targets of Markdown's links. */
function references(file: string, text: string): string[] {
  const found = [...text.matchAll(/(?<![\w./-])(?:docs|src|scripts|bench|test)\/[\w./-]*\.(?:md|ts|mjs|sh|py)\b/g)].map(
    (match) => match[0],
  );
  if (file.endsWith(".md")) {
    for (const [, target] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (!/^[a-z]+:/.test(target!)) found.push(normalize(join(dirname(file), target!)));
    }
  }
  return found;
}

it("pages and files that are referred to exist", () => {
  const missing = files.flatMap((file) =>
    references(file, readFileSync(join(root, file), "utf8"))
      .filter((target) => !existsSync(join(root, target)) && !/\/NAME\.|^src\/(one|two)\.ts$/.test(target))
      .map((target) => `${file}: ${target}`),
  );
  expect(missing).toEqual([]);
});

it("sources that comments name exist", () => {
  const known = files.map((file) => `/${file}`);
  const missing = files
    .filter((file) => file.startsWith("src/"))
    .flatMap((file) => {
      const comments = readFileSync(join(root, file), "utf8").match(/\/\*\*[\s\S]*?\*\/|\/\/ .*/g) ?? [];
      const names = comments.flatMap((comment) => comment.match(/(?<![\w./-])[a-z][\w./-]*\.ts\b/g) ?? []);
      return names.filter((name) => !known.some((path) => path.endsWith(`/${name}`))).map((name) => `${file}: ${name}`);
    });
  expect(missing).toEqual([]);
});

it("nothing refers to a page that only the project's makers have", () => {
  const foreign = /\bDESIGN(\.md| §|:|\b)|\b(?:STYLE|TUI|EXTRACT|FLOWS|MIRRORING|MINIMEGA|EXPORT)(?:\.md| §)/;
  const wrong = files.flatMap((file) => {
    const lines = readFileSync(join(root, file), "utf8").split("\n");
    return lines.flatMap((line, index) => (foreign.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : []));
  });
  expect(wrong).toEqual([]);
});
