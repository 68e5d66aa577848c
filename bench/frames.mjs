// What a key costs on the screen of watch: time to the first byte that it draws, and bytes, with many flows held.
import { floodCapture } from "./tools/captures.mjs";
import { installed, median } from "./tools/measure.mjs";
import { Terminal } from "./tools/terminal.mjs";

export const title = "frames of watch at 120x40, with many flows held";

const FLOWS = [1_000, 1_000_000];
const TIMES = 15;
/** [what a person does, the keys that do it, in turns: each must draw something] */
const KEYS = [
  ["selects the next flow", ["j"]],
  ["goes a page down and up", ["\x1b[6~", "\x1b[5~"]],
  ["sorts by another column", ["s"]],
  ["goes to the end and back", ["G", "g"]],
];

export async function run(report, { builds, cache }) {
  if (!installed("script")) return report.skip("everything", "script is not installed: apt-get install bsdutils");
  for (const flows of FLOWS) {
    const file = floodCapture(cache, flows);
    for (const build of builds) {
      const terminal = new Terminal(build.argv("watch", file));
      try {
        await terminal.until(/─|LIVE|FILE|END/);
        // The file has been read when the screen changes by nothing but keys.
        await terminal.quiet(1500);
        for (const [what, keys] of KEYS) {
          const seen = [];
          for (let n = 0; n < TIMES; n++) {
            const frame = await terminal.press(keys[n % keys.length]);
            if (frame) seen.push(frame);
          }
          const name = `${build.name}, ${flows.toLocaleString("en")} flows: ${what}`;
          if (seen.length === 0) report.skip(name, "the key draws nothing");
          else {
            report({
              what: name,
              "ms to the first byte": median(seen.map(({ ms }) => ms)).toFixed(1),
              max: Math.max(...seen.map(({ ms }) => ms)).toFixed(1),
              "bytes a frame": Math.round(median(seen.map(({ bytes }) => bytes))),
            });
          }
        }
      } finally {
        await terminal.close();
      }
    }
  }
}
