import { expect, it } from "vitest";
import { BINDINGS, keysPage } from "../../src/tui/keys.ts";

it("gives every key one action", () => {
  const keys = BINDINGS.flatMap((binding) => binding.keys);
  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
});

// After a change of the table: vitest run --project project -u
it("has docs/reference/keys.md written from the table", async () => {
  await expect(keysPage()).toMatchFileSnapshot("../../docs/reference/keys.md");
});
