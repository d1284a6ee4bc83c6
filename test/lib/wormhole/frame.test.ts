import t from "tap";
import { FrameReader } from "../../../src/lib/wormhole/frame.ts";

const BEGIN = Uint8Array.of(0x01, 0);
const EMPTY = Uint8Array.of(0x00, 0);
const END = Uint8Array.of(0x80, 1, 0x41);

function read(parts: number): unknown {
  const reader = new FrameReader(1000);
  reader.push(BEGIN);
  for (let i = 1; i < parts; i++) reader.push(EMPTY);
  return reader.push(END);
}

t.test("a message in parts", (t) => {
  t.same(read(3), [{ type: "text", text: "A" }], "empty ones among them");
  t.same(read(1), [{ type: "text", text: "A" }]);
  t.end();
});

t.test("a message in parts without end", (t) => {
  t.throws(() => read(100_000), { code: "WORMHOLE_FRAME", message: /too many parts/ });
  t.end();
});
