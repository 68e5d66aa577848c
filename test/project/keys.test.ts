import { expect, it } from "vitest";
import { dissectPage } from "../../src/capture/dissect/dissect.ts";
import { bindingsOf, keysPage } from "../../src/tui/keys.ts";
import { SCREEN_IDS } from "../../src/tui/model.ts";

it("gives every key one action on each screen", () => {
  for (const screen of SCREEN_IDS) {
    const keys = bindingsOf(screen).flatMap((binding) => binding.keys);
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
  }
});

// After a change of the tables: vitest run --project project -u
it("has docs/reference/keys.md written from the table", async () => {
  await expect(keysPage()).toMatchFileSnapshot("../../docs/reference/keys.md");
});

it("has docs/reference/dissect.md written from the headers' descriptions", async () => {
  await expect(dissectPage()).toMatchFileSnapshot("../../docs/reference/dissect.md");
});
