import { createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import t, { type Test } from "tap";
import { openTcp } from "../../../../src/lib/ctap/transport/tcp.ts";
import type { Transport } from "../../../../src/lib/ctap/transport/transport.ts";
import { errorCodeOf } from "../../errors.ts";

const SIGNAL = AbortSignal.timeout(60_000);

const REPORT = Uint8Array.from({ length: 64 }, (_, i) => i);
const FRAME = Uint8Array.of(0, 64, ...REPORT);

/** A card that does something with each connection. @returns its port */
async function serve(t: Test, onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    t.teardown(() => socket.destroy());
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function open(t: Test, port: number): Promise<Transport> {
  const transport = await openTcp({ host: "127.0.0.1", port });
  t.teardown(() => transport.close());
  return transport;
}

t.test("reports go with their length before them, however the stream is cut", async (t) => {
  const port = await serve(t, (socket) => {
    socket.on("data", (bytes) => {
      // One byte at a time, then two reports at once.
      for (const byte of bytes) socket.write(Uint8Array.of(byte));
      socket.write(Buffer.concat([FRAME, FRAME]));
    });
  });
  const transport = await open(t, port);
  t.equal(transport.name, `tcp:127.0.0.1:${port}`);
  await transport.send(REPORT.with(0, 7));
  t.same(await transport.receive(SIGNAL), REPORT.with(0, 7));
  t.same(await transport.receive(SIGNAL), REPORT);
  t.same(await transport.receive(SIGNAL), REPORT);
});

t.test("what is sent", async (t) => {
  const chunks: Buffer[] = [];
  const port = await serve(t, (socket) => {
    socket.on("data", (bytes) => {
      chunks.push(bytes);
      if (Buffer.concat(chunks).length === 132) socket.write(FRAME);
    });
  });
  const transport = await open(t, port);
  await transport.send(REPORT);
  await transport.send(REPORT);
  await transport.receive(SIGNAL);
  t.same(Uint8Array.from(Buffer.concat(chunks)), Uint8Array.of(...FRAME, ...FRAME));
});

for (const length of [0, 1, 63, 65, 0xffff]) {
  t.test(`a report of ${length} bytes ends the conversation`, async (t) => {
    const port = await serve(t, (socket) => socket.write(Buffer.concat([FRAME, Uint8Array.of(length >> 8, length & 0xff), REPORT])));
    const transport = await open(t, port);
    t.same(await transport.receive(SIGNAL), REPORT, "what came before counts");
    t.equal(await errorCodeOf(transport.receive(SIGNAL)), "CTAP_REPORT_LENGTH");
  });
}

t.test("a card that ends the connection", async (t) => {
  const port = await serve(t, (socket) => socket.end(FRAME.subarray(0, 40)));
  const transport = await open(t, port);
  t.equal(await errorCodeOf(transport.receive(SIGNAL)), "CTAP_DEVICE_LOST");
  t.equal(await errorCodeOf(transport.send(REPORT)), "CTAP_DEVICE_LOST");
});

t.test("a card that breaks the connection", async (t) => {
  const port = await serve(t, (socket) => socket.on("data", () => socket.resetAndDestroy()));
  const transport = await open(t, port);
  await transport.send(REPORT);
  t.equal(await errorCodeOf(transport.receive(SIGNAL)), "CTAP_DEVICE_LOST");
});

t.test("a port where nobody listens", async (t) => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  t.equal(await errorCodeOf(openTcp({ host: "localhost", port })), "CTAP_UNREACHABLE");
});

t.test("giving up while the connection is made", async (t) => {
  const controller = new AbortController();
  // An address for documents, where nobody is (RFC 5737).
  const opened = openTcp({ host: "192.0.2.1", port: 35962 }, controller.signal);
  controller.abort(new Error("enough"));
  await t.rejects(opened);
  await t.rejects(openTcp({ host: "127.0.0.1", port: 1 }, controller.signal), { message: "enough" });
});

t.test("after close", async (t) => {
  const transport = await open(t, await serve(t, () => undefined));
  const received = errorCodeOf(transport.receive(SIGNAL));
  await transport.close();
  await transport.close();
  t.equal(await received, "CTAP_DEVICE_LOST");
  t.equal(await errorCodeOf(transport.send(REPORT)), "CTAP_DEVICE_LOST");
});
