/** What ping(8) of iputils says: what it sent and got back, and the time each reply took. */

export interface PingWords {
  /** Null when it ended without its closing line: it never began. */
  readonly sent: number | null;
  readonly received: number | null;
  /** Milliseconds of each sequence number's first reply. */
  readonly rttMs: ReadonlyMap<number, number>;
  /** What it complained of, e.g. `Destination Host Unreachable`; null when of nothing. */
  readonly complaint: string | null;
}

/** Reads ping's standard output (run with LC_ALL=C) and what it wrote to standard error. */
export function parsePing(stdout: string, stderr: string): PingWords {
  const rttMs = new Map<number, number>();
  let complaint: string | null = null;
  let totals: RegExpExecArray | null = null;
  for (const line of stdout.split("\n")) {
    const reply = /\bicmp_seq=(\d+) .*\btime=([\d.]+) ms/.exec(line);
    if (reply) {
      const sequence = Number(reply[1]);
      if (!rttMs.has(sequence)) rttMs.set(sequence, Number(reply[2]));
      continue;
    }
    complaint ??= /^From .* icmp_seq=\d+ (.+)$/.exec(line)?.[1]?.trim() ?? null;
    totals ??= /^(\d+) packets transmitted, (\d+) received/.exec(line);
  }
  complaint ??=
    stderr
      .split("\n")
      .map((line) => line.replace(/^ping6?: /, "").trim())
      .find((line) => line !== "" && !line.startsWith("WARNING")) ?? null;
  return {
    sent: totals ? Number(totals[1]) : null,
    received: totals ? Number(totals[2]) : null,
    rttMs,
    complaint,
  };
}

/** Whether a ping can be told its identifier (`-e`, iputils 20210202 and later); `version` is what `ping -V` says. */
export function takesIdentifier(version: string): boolean {
  return Number(/iputils[- ]s?(\d{8})/.exec(version)?.[1] ?? 0) >= 20_210_202;
}
