import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import t from "tap";
import fc from "fast-check";
import { EMPTY_CHAIN, EMPTY_CHAIN_HASH, encodeAuditLine, nextInChain, type AuditEvent, type ChainEnd } from "../../../src/lib/glome/audit.ts";
import { anyString } from "../arbitraries.ts";

const event = fc.record({
  time: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-12-31") }),
  event: fc.constantFrom("answer" as const, "refusal" as const),
  challenge: anyString,
  request: fc.option(fc.record({ hostType: anyString, host: anyString, action: anyString }), { nil: undefined }),
  key: fc.option(anyString, { nil: undefined }),
  code: fc.option(anyString, { nil: undefined }),
  user: anyString,
});

function chainOf(events: readonly AuditEvent[]): readonly { readonly line: string; readonly end: ChainEnd }[] {
  let end = EMPTY_CHAIN;
  return events.map((event) => {
    const next = encodeAuditLine(event, end);
    end = next.end;
    return next;
  });
}

t.test("lines hold what happened, and follow each other", (t) => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 4 }), (events) => {
      let end = EMPTY_CHAIN;
      for (const [i, { line, end: encoded }] of chainOf(events).entries()) {
        const { time, event, challenge, request, key, code, user } = events[i]!;
        const { previous, sequence } = end.sequence === i ? { previous: end.hash, sequence: i + 1 } : { previous: "", sequence: 0 };
        const { hash, ...fields } = JSON.parse(line) as Record<string, unknown>;
        assert.deepEqual(fields, JSON.parse(JSON.stringify({ sequence, time: time.toISOString(), event, challenge, ...request, key, code, user, previous })));
        // Anyone can check the hash: of the line's bytes without its last field.
        assert.equal(hash, createHash("sha256").update(line.replace(`,"hash":"${String(hash)}"`, "")).digest("hex"));
        assert.doesNotMatch(line, /[\n\r]/);
        end = nextInChain(end, line);
        assert.deepEqual(end, encoded);
      }
    }),
  );
  t.equal(EMPTY_CHAIN_HASH, "0".repeat(64));
  t.end();
});

const sample = chainOf(
  ["one", "two", "three"].map((challenge, i) => ({ time: new Date(1e12 + i), event: "answer", challenge, request: { hostType: "", host: "hést", action: "a" }, key: "3-k", user: "ann" })),
);

t.test("a line changed in any byte does not follow", (t) => {
  const { line } = sample[1]!;
  const before = sample[0]!.end;
  assert.deepEqual(nextInChain(before, line), sample[1]!.end);
  for (let at = 0; at < line.length; at++) {
    for (const character of ['"', "0", "a", "A", " ", "{", "\\", "é"]) {
      const changed = [line.slice(0, at) + character + line.slice(at + 1), line.slice(0, at) + character + line.slice(at), line.slice(0, at) + line.slice(at + 1)];
      for (const text of changed) if (text !== line) assert.throws(() => nextInChain(before, text), { code: "AUDIT_LINE", kind: "no" }, text);
    }
  }
  for (const text of ["", `${line} `, `${line}\r`, ` ${line}`, `\ufeff${line}`, line + line, "{}", "null"]) assert.throws(() => nextInChain(before, text), { code: "AUDIT_LINE" }, text);
  t.end();
});

t.test("a line with a hash of its own follows nothing but the line it was made for", (t) => {
  const [one, two, three] = sample.map(({ line }) => line) as [string, string, string];
  const end = sample.map(({ end }) => end) as [ChainEnd, ChainEnd, ChainEnd];
  for (const [before, line] of [
    [EMPTY_CHAIN, two],
    [end[0], one],
    [end[0], three],
    [end[1], one],
    [end[2], three],
    [{ sequence: 1, hash: end[1].hash }, two],
    [{ sequence: 0, hash: end[0].hash }, two],
  ] as const) {
    t.throws(() => nextInChain(before, line), { code: "AUDIT_CHAIN", kind: "no" });
  }
  t.end();
});
