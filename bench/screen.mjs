// The terminal UI with many flows held: what an answer of the worker and a frame cost, and what goes to the terminal. In one process, on the
// built program; four frames a second are what a screen asks for.
import { PassThrough, Writable } from "node:stream";

export const title =
  "the terminal UI with 1 k, 100 k and 1 M flows held: ms and bytes a frame at 120x40, CPU at 4 frames/s, memory";

const FRAMES = 40;
const dist = (path) => import(new URL(`../dist/${path}`, import.meta.url).href);

/** An Ethernet frame with a UDP datagram of flow `n`. */
function fill(frame, n, sec) {
  const { data } = frame;
  data.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45], 0);
  data.writeUInt16BE(100, 16);
  data.set([64, 17], 22);
  data.set([10, (n >> 16) & 255, (n >> 8) & 255, n & 255, 10, 200, 0, 1], 26);
  data.writeUInt16BE(1024 + (n % 40_000), 34);
  data.writeUInt16BE(9999, 36);
  data.writeUInt16BE(80, 38);
  frame.sec = sec;
  frame.nsec = n % 1e9;
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

export async function run(report) {
  const { FlowView } = await dist("capture/live/view.js");
  const { Frame } = await dist("capture/frame.js");
  const { render } = await dist("tui/views/frame.js");
  const { initialModel } = await dist("tui/model.js");
  const { viewRequest } = await dist("tui/screens.js");
  const { update } = await dist("tui/update.js");
  const { UNICODE } = await dist("tui/format.js");
  const { Screen } = await dist("tui/terminal/screen.js");

  for (const flows of [1000, 100_000, 1_000_000]) {
    const frame = Object.assign(new Frame(), { data: Buffer.alloc(114), caplen: 114, origLen: 114, linktype: 1 });
    const view = new FlowView({ live: true, ring: 64e6, snaplen: 256 }, 0);
    const start = 1_700_000_000;
    for (let n = 0; n < flows; n++) {
      fill(frame, n, start);
      view.add(frame);
    }
    let bytes = 0;
    const output = Object.assign(
      new Writable({
        write(chunk, _encoding, done) {
          bytes += chunk.length;
          done();
        },
      }),
      { columns: 120, rows: 40, isTTY: true },
    );
    const input = Object.assign(new PassThrough(), { isTTY: true, isRaw: false, setRawMode() {} });
    const screen = new Screen({ input, output, terminal: "xterm-256color", unicode: true, theme: "dark" });
    const subject = { target: "bench", live: true, played: false, mirrored: false, filterWords: [] };
    const context = { state: "running", drops: null, bpf: null, recording: null, reading: null };
    for (const screenId of ["flows", "overview", "talkers", "packets"]) {
      let model = { ...initialModel(subject, { cols: 120, rows: 40 }, 0), screen: screenId };
      const answers = [];
      const draws = [];
      // The first frames paint the whole screen.
      const warm = 5;
      let counted = 0;
      const used = process.cpuUsage();
      let before = used;
      for (let n = 0; n < FRAMES + warm; n++) {
        // A tenth of the flows on screen change, and a second passes every fourth frame.
        for (let i = 0; i < 500; i++) {
          fill(frame, (i * 7919) % flows, start + 1 + Math.floor(n / 4));
          view.add(frame);
        }
        if (n === warm) {
          counted = bytes;
          before = process.cpuUsage();
        }
        const began = performance.now();
        const snapshot = view.answer(viewRequest(model), context, n * 250);
        const answered = performance.now();
        model = update(model, { type: "snapshot", snapshot: structuredClone(snapshot) }).model;
        screen.draw(render(model, UNICODE));
        const drawn = performance.now();
        await new Promise((done) => setImmediate(done));
        if (n >= warm) {
          answers.push(answered - began);
          draws.push(drawn - answered);
        }
      }
      const { user, system } = process.cpuUsage(before);
      report({
        what: `${screenId}, ${flows} flows`,
        "worker ms/frame": median(answers).toFixed(2),
        "screen ms/frame": median(draws).toFixed(2),
        "bytes/frame": Math.round((bytes - counted) / FRAMES),
        "CPU % at 4 frames/s": (((user + system) / 1e6 / FRAMES) * 4 * 100).toFixed(1),
        "RSS MB": Math.round(process.memoryUsage().rss / 1e6),
      });
    }
    screen.close();
  }
}
