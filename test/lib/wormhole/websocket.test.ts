import { createHash } from "node:crypto";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import fc from "fast-check";
import t from "tap";
import { encodeFrame, FrameReader, type Incoming } from "../../../src/lib/wormhole/frame.ts";
import { encodeRequest, refusal } from "../../../src/lib/wormhole/handshake.ts";
import { HostLookup } from "../../../src/lib/wormhole/host-lookup.ts";
import { openSocket } from "../../../src/lib/wormhole/websocket.ts";
import { scriptedMailbox } from "../../support/scripted-mailbox.ts";
import { errorCode } from "../errors.ts";

/** A frame as a server sends it. */
function frame(first: number, payload: Uint8Array, isLong = 0): Buffer {
  const { length } = payload;
  if (length < 126 && isLong === 0) return Buffer.concat([Uint8Array.of(first, length), payload]);
  if (length < 0x10000 && isLong < 2) return Buffer.concat([Uint8Array.of(first, 126, length >> 8, length & 255), payload]);
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

function read(bytes: Uint8Array, sizes: readonly number[] = [], maxLength = 1 << 20): readonly Incoming[] {
  const reader = new FrameReader(maxLength);
  const messages: Incoming[] = [];
  let offset = 0;
  for (const size of sizes) {
    messages.push(...reader.push(bytes.subarray(offset, offset + size)));
    offset += size;
  }
  return [...messages, ...reader.push(bytes.subarray(offset))];
}

t.test("frames of a server", (t) => {
  t.test("come out as they went in, however they are cut and put in parts", (t) => {
    const message = fc.array(fc.string({ unit: "grapheme", maxLength: 90 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), fc.array(fc.nat({ max: 40 }), { maxLength: 30 }), (messages, sizes) => {
        const ping = frame(0x89, Buffer.from("p"));
        const bytes = messages.flatMap((parts) => parts.flatMap((part, i) => [frame((i === 0 ? 1 : 0) | (i === parts.length - 1 ? 0x80 : 0), Buffer.from(part)), ping]));
        const heard = read(Buffer.concat(bytes), sizes);
        const texts = heard.flatMap((one) => (one.type === "text" ? [one.text] : []));
        return texts.join("\0") === messages.map((parts) => parts.join("")).join("\0") && heard.length === texts.length + messages.flat().length;
      }),
    );
    t.end();
  });

  t.test("of every length, at every cut", (t) => {
    for (const length of [0, 1, 125, 126, 127, 0xffff, 0x10000]) {
      const bytes = frame(0x81, Buffer.alloc(length, "x"));
      t.same(read(bytes), [{ type: "text", text: "x".repeat(length) }], `${length}`);
      for (let cut = 0; cut <= Math.min(bytes.length, 14); cut++) t.equal(read(bytes, [cut]).length, 1);
      t.equal(read(bytes.subarray(0, -1)).length, 0, "not before the end");
    }
    t.end();
  });

  t.test("of all kinds", (t) => {
    t.same(read(Buffer.concat([frame(0x82, Buffer.from("x")), frame(0x8a, Buffer.alloc(0)), frame(0x88, Buffer.alloc(0)), frame(0x88, Uint8Array.of(3, 243, 65))])), [
      { type: "binary" },
      { type: "pong" },
      { type: "close", code: undefined },
      { type: "close", code: 1011 },
    ]);
    t.end();
  });

  t.test("that break the rules", (t) => {
    const bad = (name: string, bytes: Uint8Array): void => {
      t.equal(errorCode(() => read(bytes)), "WORMHOLE_FRAME", name);
    };
    bad("masked", Uint8Array.of(0x81, 0x80, 0, 0, 0, 0));
    bad("compressed", frame(0xc1, Buffer.from("x")));
    bad("of an unknown kind", frame(0x83, Buffer.from("x")));
    bad("a continuation of nothing", frame(0x80, Buffer.from("x")));
    bad("a message within another", Buffer.concat([frame(0x01, Buffer.from("x")), frame(0x81, Buffer.from("x"))]));
    bad("a ping in parts", frame(0x09, Buffer.from("x")));
    bad("a long ping", frame(0x89, Buffer.alloc(126)));
    bad("no UTF-8", frame(0x81, Uint8Array.of(0xff)));
    bad("longer than is taken", frame(0x81, Buffer.alloc((1 << 20) + 1)).subarray(0, 10));
    bad("together longer than is taken", Buffer.concat([frame(0x01, Buffer.alloc(1 << 20)), frame(0x80, Buffer.alloc(1))]));
    bad("a length beyond all numbers", Uint8Array.of(0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255));
    t.end();
  });
  t.end();
});

t.test("frames of a client are masked", (t) => {
  const mask = Uint8Array.of(1, 2, 3, 4);
  t.same([...encodeFrame("text", Buffer.from("abcde"), mask)], [0x81, 0x85, 1, 2, 3, 4, 96, 96, 96, 96, 100]);
  t.same([...encodeFrame("ping", new Uint8Array(), mask)], [0x89, 0x80, 1, 2, 3, 4]);
  t.same([...encodeFrame("text", Buffer.alloc(126), mask).subarray(0, 8)], [0x81, 0xfe, 0, 126, 1, 2, 3, 4]);
  t.same([...encodeFrame("text", Buffer.alloc(0x10000), mask).subarray(0, 14)], [0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4]);
  t.end();
});

t.test("the handshake", (t) => {
  const url = new URL("ws://example.org:4000/v1?x=1");
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  t.equal(encodeRequest(url, key), "GET /v1?x=1 HTTP/1.1\r\nHost: example.org:4000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  const good = ["HTTP/1.1 101 Switching Protocols", "upgrade: WebSocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Server: any"];
  t.equal(refusal(url, key, good.join("\r\n")), undefined, "the example of RFC 6455 §1.3");
  for (const [i, line] of [[0, "HTTP/1.1 200 OK"], [0, "HTTP/1.0 101 X"], [0, "SSH-2.0-x"], [0, ""], [1, "Upgrade: h2c"], [1, ""], [2, "Connection: close"], [2, "Connection: upgraded"], [3, "Sec-WebSocket-Accept: x"], [3, "no colon"], [4, "Sec-WebSocket-Extensions: permessage-deflate"], [4, "Sec-WebSocket-Protocol: chat"]] as const) {
    t.equal(refusal(url, key, good.with(i, line).join("\r\n"))?.code, "WORMHOLE_NOT_A_MAILBOX", line);
  }
  t.equal(createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  t.end();
});

t.test("a conversation with the server of ws", async (t) => {
  const heard: string[] = [];
  const told: string[] = [];
  const url = await scriptedMailbox(t, (socket) => {
    socket.send("one", { fin: false });
    socket.send(" and two", { fin: true });
    socket.ping("x");
    socket.on("pong", (data: Buffer) => heard.push(`pong ${data.toString()}`));
    socket.on("message", (data: Buffer) => {
      heard.push(data.length > 100 ? `${data.length} bytes` : data.toString());
      if (data.length > 100) socket.close(1001);
    });
    socket.on("ping", () => heard.push("ping"));
  });
  const error = await new Promise<Error>((resolve) => {
    const opening = openSocket(new URL(url), {
      maxMessage: 1000,
      pingMs: 5,
      silenceMs: 10_000,
      onOpen: () => told.push("open"),
      onText: (text) => {
        told.push(text);
        setTimeout(() => void opening.then((socket) => socket.send(["a", "é", "x".repeat(70_000)])), 30);
      },
      onEnd: resolve,
    });
  });
  t.same(told, ["open", "one and two"]);
  t.same(heard.filter((one) => one !== "ping"), ["pong x", "a", "é", "70000 bytes"]);
  t.ok(heard.includes("ping"));
  t.match(error, { code: "WORMHOLE_CONNECT", message: /ended the connection \(1001\)$/ });
});

t.test("names", async (t) => {
  const find = (host: string, lookup = new HostLookup()): Promise<unknown> => new Promise((resolve) => lookup.lookup(host, { all: true }, (error, addresses) => resolve(error ?? addresses)));
  t.match(await find("localhost"), [{ address: /^(127\.0\.0\.1|::1)$/ }]);
  t.match(await find("keyhole.invalid"), { code: /^(ENOTFOUND|EAI_AGAIN)$/ });

  const silent: UdpSocket = createSocket("udp4");
  t.teardown(() => void silent.close());
  await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", resolve));
  const lookup = new HostLookup([`127.0.0.1:${silent.address().port}`]);
  const asked = new Promise((resolve) => silent.once("message", resolve));
  const answer = find("example.org", lookup);
  await asked;
  lookup.cancel();
  t.match(await answer, { code: "ECANCELLED" }, "a name server that says nothing holds up nobody");
});
