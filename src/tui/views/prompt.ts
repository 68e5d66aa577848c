/** The line at the bottom while something is typed: the text around the cursor always in sight, and what is to be said of it. */
import { cells, commas, type Glyphs } from "../format.ts";
import type { Model, Prompt } from "../model.ts";
import { isWrong, PROMPTS } from "../prompts.ts";
import { type Line, lineOf, type Span, span } from "../styled.ts";

export function renderPrompt(model: Model, prompt: Prompt, glyphs: Glyphs): Line {
  const { cols } = model.size;
  const { label } = PROMPTS[prompt.kind];
  const note = noteOf(model, prompt, glyphs);
  const room = Math.max(10, cols - note.text.length - label.length - 4);
  const characters = Array.from(prompt.line.text);
  const before = cells(characters.slice(0, prompt.line.cursor).join(""), glyphs);
  const at = cells(characters[prompt.line.cursor] ?? "", glyphs);
  const after = cells(characters.slice(prompt.line.cursor + 1).join(""), glyphs);
  // The cursor is kept within the room, with some of what follows it.
  const from = Math.max(0, before.length + Math.min(after.length, 10) + 1 - room);
  const cursor: Span = at === "" ? span("_", "dim") : span(at, "selected");
  return lineOf(
    cols,
    [
      span(" "),
      span(label, "key"),
      span(before.slice(from)),
      cursor,
      span(after.slice(0, Math.max(0, room - (before.length - from) - 1))),
    ],
    [note],
  );
}

function noteOf(model: Model, { kind, completion, line }: Prompt, glyphs: Glyphs): Span {
  const { cols } = model.size;
  const most = Math.max(10, Math.floor(cols * 0.6));
  const { notice, snapshot } = model;
  if (notice) return span(`${cells(notice.text, glyphs).slice(0, most)} `, notice.failed ? "bad" : "dim");
  if (kind !== "filter") return span(`${PROMPTS[kind].hint.slice(0, most)} `, "dim");
  if (completion) return span(`${completion.words.join(" ").slice(0, most)} `, "dim");
  if (isWrong(model)) return span(`${cells(snapshot!.filterError!, glyphs).slice(0, most)} `, "bad");
  const matching = snapshot?.flows?.scrollable;
  if (line.text === "" || matching === undefined || snapshot === null) return span("", "dim");
  return span(`${commas(matching)} of ${commas(snapshot.held)} match `, "dim");
}
