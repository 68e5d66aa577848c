import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { client, drive, rowsOf, server } from "./drive.ts";

const http = (said: Parameters<typeof drive>[1], chunk?: number) => drive("http", said, "tcp", chunk);

describe("http.log", () => {
  const exchange = [
    client("POST /a%20b HTTP/1.1\r\nHost: example.test:8080\r\nUser-Agent: probe\r\nContent-Length: 5\r\n\r\nhello"),
    server("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"),
    server("10;x=y\r\n<html>0123456789\r\n4\r\nabcd\r\n0\r\nTrailer: x\r\n\r\n"),
    client("GET /next HTTP/1.1\r\n\r\n"),
    server("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"),
  ];

  it.each([Infinity, 1, 3, 7])("reads requests and replies handed over in pieces of %s bytes", (chunk) => {
    const logged = http(exchange, chunk);
    expect(rowsOf(logged, "http")).toMatchObject([
      {
        trans_depth: 1,
        method: "POST",
        host: "example.test:8080",
        uri: "/a b",
        user_agent: "probe",
        request_body_len: 5,
        response_body_len: 20,
        status_code: 200,
        version: "1.1",
        resp_mime_types: ["text/html"],
      },
      { trans_depth: 2, method: "GET", uri: "/next", status_code: 304, response_body_len: 0 },
    ]);
    expect(rowsOf(logged, "files")).toMatchObject([
      { source: "HTTP", is_orig: true, seen_bytes: 5 },
      { source: "HTTP", is_orig: false, seen_bytes: 20, mime_type: "text/html" },
    ]);
  });

  it("matches pipelined requests with their replies in order, and logs those without one at the end", () => {
    const logged = http([
      client("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n"),
      server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ]);
    expect(rowsOf(logged, "http").map(({ uri, status_code }) => [uri, status_code])).toEqual([
      ["/1", 404],
      ["/2", 200],
      ["/3", undefined],
    ]);
  });

  it("counts the bytes of a compressed body as they are without compression", () => {
    const body = gzipSync(Buffer.alloc(10_000, "x"));
    const [row] = rowsOf(
      http([
        client("GET / HTTP/1.1\r\n\r\n"),
        server(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`),
        server(body),
      ]),
      "http",
    );
    expect(row).toMatchObject({ response_body_len: 10_000, resp_mime_types: ["text/plain"] });
  });

  it("keeps the user name of Basic authentication, never the password", () => {
    const credentials = Buffer.from("ann:secret").toString("base64");
    const logged = http([client(`GET / HTTP/1.1\r\nAuthorization: Basic ${credentials}\r\n\r\n`)]);
    expect(rowsOf(logged, "http")[0]).toMatchObject({ username: "ann" });
    expect(JSON.stringify(logged, (_, value) => (typeof value === "bigint" ? String(value) : value))).not.toContain(
      "secret",
    );
  });

  it("names each part of a form, nested ones too", () => {
    const part = '--b\r\nContent-Disposition: form-data; name="f"; filename="x.txt"\r\n\r\nten letters\r\n--b--\r\n';
    const head = `POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${part.length}\r\n\r\n`;
    const [row] = rowsOf(http([client(head + part)]), "http");
    expect(row).toMatchObject({
      request_body_len: part.length,
      orig_filenames: ["x.txt"],
      orig_mime_types: ["text/plain"],
    });
  });

  it("goes on in what a tunnel carries after CONNECT", () => {
    const logged = http([
      client("CONNECT mail.test:25 HTTP/1.1\r\n\r\n"),
      server("HTTP/1.1 200 Connection established\r\n\r\n"),
      server("220 mail.test ESMTP\r\n"),
      client("EHLO me\r\nMAIL FROM:<a@b.test>\r\n"),
    ]);
    expect(rowsOf(logged, "http")).toMatchObject([{ method: "CONNECT", status_code: 200 }]);
    expect(rowsOf(logged, "smtp")).toMatchObject([{ helo: "me", mailfrom: "a@b.test" }]);
  });
});
