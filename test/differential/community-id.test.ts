/** Community ID vectors, each checked by an independent implementation. */
import { expect, it } from "vitest";
import { communityId } from "../../src/capture/community-id.ts";
import { describeUnless } from "../describe-unless.ts";
import { corpusLack, readJson } from "./corpus.ts";

interface Vector {
  readonly proto: number;
  readonly src: string;
  readonly dst: string;
  readonly sport: number | null;
  readonly dport: number | null;
  readonly seed: number;
  readonly id: string;
  readonly note?: string;
}

describeUnless(corpusLack, "Community ID vectors", () => {
  it("all agree, but for the one that has Zeek's SCTP without ports", () => {
    const wrong: Vector[] = [];
    for (const vector of readJson<Vector[]>("community_id.json")) {
      const id = communityId({
        protocol: vector.proto,
        source: vector.src,
        target: vector.dst,
        ...(vector.sport === null ? {} : { sourcePort: vector.sport }),
        ...(vector.dport === null ? {} : { targetPort: vector.dport }),
        seed: vector.seed,
      });
      if (id !== vector.id) wrong.push(vector);
    }
    expect(wrong).toEqual([]);
  });
});
