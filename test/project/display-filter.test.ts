import { expect, it } from "vitest";
import { displayFilterPage } from "../../src/capture/filter/display-fields.ts";

// After a change of the fields: vitest run --project project -u
it("has docs/reference/display-filter.md written from the fields", async () => {
  await expect(displayFilterPage()).toMatchFileSnapshot("../../docs/reference/display-filter.md");
});
