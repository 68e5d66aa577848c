/** Zeek's history letters of a connection in words. Upper case: the originator, lower case: the responder. */

const LETTERS: Readonly<Record<string, string>> = {
  s: "SYN",
  h: "SYN-ACK",
  a: "ACK",
  d: "data",
  f: "FIN",
  r: "RST",
  c: "bad checksum",
  g: "gap",
  t: "sent again",
  w: "zero window",
  i: "FIN and RST in one",
  q: "odd flags",
};

const STATES: Readonly<Record<string, string>> = {
  S0: "asked, never answered",
  S1: "open",
  SF: "opened and closed as usual",
  REJ: "refused",
  S2: "open, the originator has closed its side",
  S3: "open, the responder has closed its side",
  RSTO: "reset by the originator",
  RSTR: "reset by the responder",
  RSTOS0: "SYN and then RST of the originator, never an answer",
  RSTRH: "SYN-ACK and then RST of the responder; the originator was not seen",
  SH: "SYN and FIN of the originator; the responder was not seen",
  SHR: "only the responder was seen",
  OTH: "its beginning was not seen",
};

/** What a conn_state means. */
export function stateInWords(state: string, proto: string): string {
  if (proto !== "tcp")
    return { S0: "never answered", SF: "both sides spoke", SHR: "only the responder spoke" }[state] ?? "";
  return STATES[state] ?? "";
}

/** `^ShADd` as `roles swapped, SYN, SYN-ACK back, ACK, data, data back`. */
export function historyInWords(history: string): string {
  return Array.from(history)
    .map((letter) => {
      if (letter === "^") return "roles swapped";
      const word = LETTERS[letter.toLowerCase()];
      if (word === undefined) return letter;
      return letter === letter.toLowerCase() ? `${word} back` : word;
    })
    .join(", ");
}
