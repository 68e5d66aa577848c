/**
 * What host b of a lab serves, as a program of its own: HTTP on port 80 (`/<n>` answers n bytes) and a TCP port that
 * swallows what is sent to it. Prints `ready` when both listen.
 */
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { BULK_PORT, HTTP_PORT } from "./ports.ts";

const MAX_BODY = 1_000_000;

const http = createHttpServer((request, response) => {
  const size = Math.min(Number.parseInt(request.url?.slice(1) ?? "", 10) || 0, MAX_BODY);
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": size });
  response.end(Buffer.alloc(size, "tapscope "));
});

const bulk = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.resume();
});

http.listen(HTTP_PORT, "::", () => {
  bulk.listen(BULK_PORT, "::", () => process.stdout.write("ready\n"));
});
