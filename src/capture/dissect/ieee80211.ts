/** IEEE 802.11 data frames, and the headers that capture programs put before them: radiotap, Prism, PPI. */
import { bits, type Dissector, type Header, num } from "./dissection.ts";

export const RADIOTAP: Header = {
  protocol: "Radiotap",
  title: "Radiotap",
  length: 8,
  fields: [num("radiotap.version", "Version", 0, 1)],
  more: [["radiotap.length", "Length"]],
};

export const IEEE80211: Header = {
  protocol: "802.11",
  title: "IEEE 802.11",
  length: 24,
  fields: [
    bits("wlan.fc.type", "Type", 0, 1, 2, 2, { 0: "management", 1: "control", 2: "data" }),
    bits("wlan.fc.subtype", "Subtype", 0, 1, 4, 4),
    bits("wlan.fc.protected", "Protected", 1, 1, 6, 1),
    num("wlan.ra", "Receiver", 4, 6, "mac"),
    num("wlan.ta", "Transmitter", 10, 6, "mac"),
  ],
};

export const dissectRadiotap: Dissector = (d, at) => {
  d.header(RADIOTAP, at);
  if (!d.has(at, 8)) return null;
  const length = d.u8(at + 2) | (d.u8(at + 3) << 8);
  d.field("radiotap.length", "Length", at + 2, 2, String(length));
  d.lengthen(length);
  return length >= 8 ? { by: "link", number: 105, at: at + length } : null;
};

export const dissectPrism: Dissector = (d, at) => {
  d.open("Prism", at, 144);
  const length = d.u32(at) === 0x44 ? d.u32(at + 4) : d.u8(at + 4) | (d.u8(at + 5) << 8);
  return { by: "link", number: 105, at: at + (length >= 8 && length <= 1024 ? length : 144) };
};

export const dissectPpi: Dissector = (d, at) => {
  const length = d.u8(at + 2) | (d.u8(at + 3) << 8);
  d.open("PPI", at, length, "Per-Packet Information");
  if (!d.has(at, 8) || length < 8) return null;
  return { by: "link", number: d.u8(at + 4) | (d.u8(at + 5) << 8), at: at + length };
};

export const dissectIeee80211: Dissector = (d, at) => {
  d.header(IEEE80211, at);
  if (!d.has(at, 24)) return null;
  const control = d.u8(at);
  const flags = d.u8(at + 1);
  d.source = d.mac(at + 10);
  d.destination = d.mac(at + 4);
  d.summarize(`${d.source} > ${d.destination}`);
  const isData = (control & 0x0c) === 0x08;
  // Encrypted, or without data (null functions).
  if (!isData || (flags & 0x40) !== 0 || (control & 0x40) !== 0) return null;
  let length = 24;
  if ((flags & 3) === 3) length += 6;
  if ((control & 0x80) !== 0) length += (flags & 0x80) !== 0 ? 6 : 2;
  d.lengthen(length);
  return { by: "llc", number: 0, at: at + length };
};
