import fc from "fast-check";
import { expect, it } from "vitest";
import { mediaEnds } from "../../src/service/sdp.ts";

const ends = (...lines: string[]) =>
  mediaEnds(Buffer.from(lines.join("\r\n"))).map(({ address, port }) => `${address.join(".")}:${port}`);

it("gives each medium's address and ports, its own address before the session's", () => {
  expect(ends("INVITE sip:b SIP/2.0", "", "v=0", "c=IN IP4 10.0.0.1", "m=audio 49170 RTP/AVP 0", "a=sendrecv")).toEqual(
    ["10.0.0.1:49170", "10.0.0.1:49171"],
  );
  expect(ends("c=IN IP4 10.0.0.1", "m=audio 4000 RTP/SAVP 0", "m=video 5000/2 RTP/AVP 31", "c=IN IP6 fd00::2")).toEqual(
    [
      "10.0.0.1:4000",
      "10.0.0.1:4001",
      "253.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2:5000",
      "253.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2:5001",
    ],
  );
});

it("gives nothing for a medium that is refused, is no RTP, or has no address", () => {
  expect(ends("c=IN IP4 10.0.0.1", "m=audio 0 RTP/AVP 0", "m=image 5004 udptl t38")).toEqual([]);
  expect(ends("c=IN IP4 10.0.0.999", "m=audio 4000 RTP/AVP 0")).toEqual([]);
  expect(ends("m=audio 4000 RTP/AVP 0")).toEqual([]);
});

it("throws at nothing, and stays bounded", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("c=IN IP6 ::", "c=IN IP4 1.2.3.4", "m=audio 9 RTP/A", "::", "\r\n", "/")),
      (parts) => {
        mediaEnds(Buffer.from(parts.join("")));
      },
    ),
  );
  const many = Array<string>(1000).fill("m=audio 9 RTP/AVP 0");
  expect(ends("c=IN IP4 1.2.3.4", ...many).length).toBeLessThan(32);
});
