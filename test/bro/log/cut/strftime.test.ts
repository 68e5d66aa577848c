import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, it } from "vitest";
import { strftime } from "../../../../src/bro/log/cut/strftime.ts";

it("writes times as date(1) does, in any zone", () => {
  const letters = [..."aAbBcCdDeFgGHIjklmMnpPrRsStTuUVwWxXyYzZ%"].map((letter) => `%${letter}`);
  const format = letters.join("|");
  const zone = process.env.TZ;
  try {
    for (const tz of ["UTC", "Asia/Kathmandu", "America/St_Johns"]) {
      process.env.TZ = tz;
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
          // %Z of zones without a name of their own differs between the two.
          const wanted = format.replace("|%Z", "");
          const date = spawnSync("date", ["-d", `@${seconds}`, `+${wanted}`], {
            env: { ...process.env, LC_ALL: "C", TZ: tz },
          });
          // date writes %x and %D alike; %r in the C locale is %I:%M:%S %p.
          expect(`${strftime(wanted, seconds, tz === "UTC")}\n`).toBe(date.stdout.toString());
        }),
        { numRuns: 40 },
      );
    }
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
  expect(strftime("%f %", 0, true)).toBe("%f %");
});
