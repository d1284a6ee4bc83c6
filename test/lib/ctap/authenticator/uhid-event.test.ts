import fc from "fast-check";
import t from "tap";
import { encodeCreate, encodeDestroy, encodeInput, encodeRefusal, EVENT_LENGTH, parseEvent } from "../../../../src/lib/ctap/authenticator/uhid-event.ts";

// The bytes that the layouts of linux/uhid.h give on a little-endian machine.

const IDENTITY = { vendor: 0x1209, product: 0xbeef, name: "Schlüssel", serial: "A1" };

t.test("CREATE2", (t) => {
  const event = encodeCreate(IDENTITY, "here", Uint8Array.of(0x06, 0xd0, 0xf1));
  const expected = new Uint8Array(280 + 3);
  expected.set([11, 0, 0, 0]);
  expected.set(Buffer.from("Schlüssel"), 4);
  expected.set(Buffer.from("here"), 4 + 128);
  expected.set(Buffer.from("A1"), 4 + 128 + 64);
  expected.set([3, 0, 3, 0, 0x09, 0x12, 0, 0, 0xef, 0xbe, 0, 0], 4 + 128 + 64 + 64);
  expected.set([0x06, 0xd0, 0xf1], 280);
  t.same(event, expected);
  t.equal(EVENT_LENGTH, 4376);
  t.end();
});

t.test("every text of CREATE2 keeps room for its final zero, counted in bytes", (t) => {
  const nothing = new Uint8Array();
  t.doesNotThrow(() => encodeCreate({ ...IDENTITY, name: "n".repeat(127), serial: "s".repeat(63) }, "p".repeat(63), new Uint8Array(4096)));
  t.throws(() => encodeCreate({ ...IDENTITY, name: "ü".repeat(64) }, "", nothing), new RangeError("name is 128 bytes, expected at most 127"));
  t.throws(() => encodeCreate({ ...IDENTITY, serial: "s".repeat(64) }, "", nothing), new RangeError("serial is 64 bytes, expected at most 63"));
  t.throws(() => encodeCreate(IDENTITY, "p".repeat(64), nothing), new RangeError("phys is 64 bytes, expected at most 63"));
  t.throws(() => encodeCreate(IDENTITY, "", new Uint8Array(4097)), new RangeError("report descriptor is 4097 bytes, expected at most 4096"));
  t.end();
});

t.test("DESTROY, INPUT2 and the refusals", (t) => {
  t.same(encodeDestroy(), Uint8Array.of(1, 0, 0, 0));
  t.same(encodeInput(Uint8Array.of(0xff, 0xee)), Uint8Array.of(12, 0, 0, 0, 2, 0, 0xff, 0xee));
  t.same(encodeRefusal({ type: "get-report", id: 0x01020304 }), Uint8Array.of(10, 0, 0, 0, 4, 3, 2, 1, 5, 0));
  t.same(encodeRefusal({ type: "set-report", id: 7 }), Uint8Array.of(14, 0, 0, 0, 7, 0, 0, 0, 5, 0));
  t.end();
});

t.test("what the kernel tells", (t) => {
  const event = (type: number, ...rest: number[]): Uint8Array => {
    const bytes = new Uint8Array(EVENT_LENGTH);
    bytes.set([type, 0, 0, 0, ...rest]);
    return bytes;
  };
  t.same(parseEvent(event(2)), { type: "start" });
  t.same(parseEvent(event(3)), { type: "stop" });
  t.same(parseEvent(event(4)), { type: "open" });
  t.same(parseEvent(event(5)), { type: "close" });
  t.same(parseEvent(event(9, 4, 3, 2, 1, 0, 0)), { type: "get-report", id: 0x01020304 });
  t.same(parseEvent(event(13, 7, 0, 0, 0, 0, 1, 2, 0)), { type: "set-report", id: 7 });

  const output = event(6, 0x00, 0xff, 0xee);
  output.set([3, 0, 1], 4 + 4096);
  t.same(parseEvent(output), { type: "output", data: Uint8Array.of(0x00, 0xff, 0xee) });
  t.end();
});

t.test("the data of an output is a copy", (t) => {
  const bytes = new Uint8Array(EVENT_LENGTH);
  bytes.set([6, 0, 0, 0, 1]);
  bytes[4 + 4096] = 1;
  const event = parseEvent(bytes);
  bytes[4] = 2;
  t.same(event, { type: "output", data: Uint8Array.of(1) });
  t.end();
});

t.test("what is not known, or cut off, or longer than it can be", (t) => {
  for (const type of [0, 1, 7, 8, 10, 11, 12, 14, 15, 255]) t.same(parseEvent(Uint8Array.of(type, 0, 0, 0)), { type: "unknown" });
  t.same(parseEvent(Uint8Array.of(3, 0, 0, 1)), { type: "unknown" });
  for (const [type, length] of [[6, 4 + 4096 + 3], [9, 10], [13, 12]] as const) {
    const whole = new Uint8Array(length);
    whole[0] = type;
    t.not(parseEvent(whole).type, "unknown");
    for (let cut = 0; cut < length; cut++) if (parseEvent(whole.subarray(0, cut)).type !== "unknown") t.fail(`event ${type} of ${cut} bytes`);
  }
  const output = new Uint8Array(EVENT_LENGTH);
  output[0] = 6;
  output.set([0x01, 0x10], 4 + 4096);
  t.same(parseEvent(output), { type: "unknown" });
  t.end();
});

t.test("no bytes make the parser throw", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: EVENT_LENGTH }), (bytes, type, length) => {
      const event = new Uint8Array(length);
      event.set(bytes.subarray(0, length));
      if (length > 0) event[0] = type;
      const parsed = parseEvent(event);
      return parsed.type !== "output" || parsed.data.length <= 4096;
    }),
  );
  t.end();
});
