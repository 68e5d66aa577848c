// Reads a capture with the npm package pcap-parser and counts its packets.
import pcapp from "pcap-parser";

let [packets, bytes] = [0, 0];
const parser = pcapp.parse(process.argv[2]);
parser.on("packet", ({ header }) => {
  packets++;
  bytes += header.originalLength;
});
parser.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
parser.on("end", () => console.log(packets, bytes));
