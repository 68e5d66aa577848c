/** One line of text and a cursor in it, changed by keys as readline(3) does. Positions count characters, not UTF-16 units. */

export interface EditLine {
  readonly text: string;
  /** Before which character the cursor stands. */
  readonly cursor: number;
}

/** Longer lines are not typed by hand. */
const MOST = 1000;

/** A line with the cursor at its end. */
export function lineFrom(text: string): EditLine {
  return { text, cursor: Array.from(text).length };
}

/** The line after a key; the same object when the key means nothing here. `text`: what the key writes. */
export function editLine(line: EditLine, key: string, text: string | undefined): EditLine {
  const characters = Array.from(line.text);
  const { cursor } = line;
  const cut = (from: number, to: number): EditLine => ({
    text: [...characters.slice(0, from), ...characters.slice(to)].join(""),
    cursor: from,
  });
  switch (key) {
    case "left":
    case "C-b":
      return { ...line, cursor: Math.max(0, cursor - 1) };
    case "right":
    case "C-f":
      return { ...line, cursor: Math.min(characters.length, cursor + 1) };
    case "home":
    case "C-a":
      return { ...line, cursor: 0 };
    case "end":
    case "C-e":
      return { ...line, cursor: characters.length };
    case "backspace":
      return cursor === 0 ? line : cut(cursor - 1, cursor);
    case "delete":
    case "C-d":
      return cursor === characters.length ? line : cut(cursor, cursor + 1);
    case "C-u":
      return cut(0, cursor);
    case "C-k":
      return cut(cursor, characters.length);
    case "C-w":
      return cut(wordStart(characters, cursor), cursor);
  }
  if (text === undefined || characters.length >= MOST) return line;
  return {
    text: [...characters.slice(0, cursor), text, ...characters.slice(cursor)].join(""),
    cursor: cursor + Array.from(text).length,
  };
}

/** Where the word before `cursor` begins. */
function wordStart(characters: readonly string[], cursor: number): number {
  let at = cursor;
  while (at > 0 && characters[at - 1] === " ") at--;
  while (at > 0 && characters[at - 1] !== " ") at--;
  return at;
}

/** The word that ends at the cursor, as completion takes it: letters, digits, dots and dashes. */
export function wordBefore({ text, cursor }: EditLine): { readonly from: number; readonly word: string } {
  const before = Array.from(text).slice(0, cursor);
  let from = before.length;
  while (from > 0 && /[\w.-]/.test(before[from - 1]!)) from--;
  return { from, word: before.slice(from).join("") };
}

/** The line with the characters from `from` to the cursor replaced. */
export function replaceBefore({ text, cursor }: EditLine, from: number, by: string): EditLine {
  const characters = Array.from(text);
  const kept = [...characters.slice(0, from), ...Array.from(by)];
  return { text: [...kept, ...characters.slice(cursor)].join(""), cursor: kept.length };
}
