import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { APPS, type App } from "../../src/engine/tables/apps.ts";
import { type ConnectionField, FIELDS } from "../../src/engine/tables/fields.ts";
import { SERVICE_BASES } from "../../src/engine/tables/words.ts";

const page = (name: string) => readFileSync(join(import.meta.dirname, "../../docs/reference", name), "utf8");
const row = (...cells: readonly string[]) => `| ${cells.join(" | ")} |`;
const code = (text: string) => `\`${text}\``;
const head = (...cells: readonly string[]) => [row(...cells), row(...cells.map(() => "---"))];

/** Changing a table asks for this text in the page: copy it from the failed test. */
function holds(name: string, lines: readonly string[]): void {
  expect(page(name)).toContain(lines.join("\n"));
}

it("docs/reference/conn-records.md lists the fields of records", () => {
  const fields = (FIELDS as readonly ConnectionField[]).filter(({ zeek }) => zeek !== undefined);
  holds("conn-records.md", [
    ...head("field", "in conn.log", ""),
    ...fields.map(({ name, zeek, about }) => row(code(name), zeek ?? "-", about)),
  ]);
});

it("docs/reference/services.md lists the applications", () => {
  const service = ({ service }: App) =>
    typeof service === "object"
      ? Object.values(service).map(code).join(", ")
      : service === undefined
        ? "-"
        : code(service);
  const found = ({ recognised, carries, parent }: App) =>
    recognised?.map((transport) => transport.toUpperCase()).join(", ") ?? (carries ? "as a tunnel" : `after ${parent}`);
  holds("services.md", [
    ...head("`app`", "", "Zeek's `service`", "recognised in", "usual ports"),
    ...(APPS as readonly App[]).map((app) => {
      const ports = [...(app.tcp ?? []).map((port) => `TCP ${port}`), ...(app.udp ?? []).map((port) => `UDP ${port}`)];
      return row(code(app.app ?? app.name), app.about, service(app), found(app), ports.join(", ") || "-");
    }),
  ]);
});

it("docs/reference/services.md explains each way an application is found", () => {
  for (const basis of SERVICE_BASES) if (basis !== "") expect(page("services.md")).toContain(`| \`${basis}\` |`);
});
