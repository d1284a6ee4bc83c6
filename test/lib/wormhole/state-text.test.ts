import t from "tap";
import { KeyholeError } from "../../../src/lib/errors.ts";
import { newIssuer, newReceiver, type WormholeState } from "../../../src/lib/wormhole/state.ts";
import { encodeState, parseState } from "../../../src/lib/wormhole/state-text.ts";
import { errorCode } from "../errors.ts";
import { APPID, countingRandom } from "./player.ts";

const STATE: WormholeState = {
  ...newReceiver({ appid: APPID, code: "4-purple-sausages", appVersions: { a: [1, "é"] } }, countingRandom()),
  mailbox: "m",
  allocatedAt: 1.5,
  key: "00".repeat(32),
  peer: "p",
  guessDeadline: 5,
  greeting: "hello",
  outbox: [{ phase: "pake", body: "00", isStored: true }],
  unopened: [{ side: "p", phase: "0", body: null }],
  ahead: [{ index: 2, plaintext: "00" }],
  events: [
    { type: "welcome", motd: null },
    { type: "code", code: "4-x" },
    { type: "contacted" },
    { type: "verified", verifier: "11".repeat(32), appVersions: null },
    { type: "message", index: 0, plaintext: "" },
    { type: "stored", index: 0 },
    { type: "notice", notice: "crowded" },
    { type: "ended", reason: "lost", detail: null },
  ],
  ending: { reason: "lost", mood: "errory", detail: "d" },
  connection: { stage: "bound", watch: true, asked: ["claim", "open"], added: 1, missing: ["pake"] },
};

t.test("a state comes back as it was", (t) => {
  for (const state of [STATE, newIssuer({ appid: APPID }), newIssuer({ appid: APPID, code: "0-x", words: 5, abilities: {} })]) t.strictSame(parseState(encodeState(state)), state);
  t.notMatch(encodeState(STATE), /\n/);
  t.end();
});

t.test("nothing else is one", (t) => {
  for (const text of ["", "{}", "[]", "null", "5", "x", encodeState(STATE).slice(0, -1), `${encodeState(STATE)}x`]) t.equal(errorCode(() => parseState(text)), "WORMHOLE_STATE", text.slice(0, 20));
  for (const name of Object.keys(STATE) as (keyof WormholeState)[]) {
    // JSON leaves out what is undefined.
    t.equal(errorCode(() => parseState(JSON.stringify({ ...STATE, [name]: undefined }))), "WORMHOLE_STATE", `without ${name}`);
    const wrong = typeof STATE[name] === "object" && STATE[name] !== null && !Array.isArray(STATE[name]) ? 5 : { wrong: true };
    if (name !== "version") t.throws(() => parseState(JSON.stringify({ ...STATE, [name]: wrong })), { code: "WORMHOLE_STATE", message: `state of a wormhole has a wrong or unknown field "${name}"` });
  }
  const bad = (changes: object): void => {
    t.equal(errorCode(() => parseState(JSON.stringify({ ...STATE, ...changes }))), "WORMHOLE_STATE", JSON.stringify(changes));
  };
  bad({ extra: 1 });
  bad({ format: 2 });
  bad({ role: "spy" });
  bad({ scalar: "ff".repeat(32) });
  bad({ scalar: "00" });
  bad({ key: "zz".repeat(32) });
  bad({ nameplate: "x" });
  bad({ password: "" });
  bad({ nextSend: -1 });
  bad({ nextReceive: 1.5 });
  bad({ outbox: [{ phase: "0", body: "0", isStored: false }] });
  bad({ outbox: [{ phase: "0", body: "00", isStored: false, more: 1 }] });
  bad({ events: [{ type: "surprise" }] });
  bad({ events: [{ type: "toString" }] });
  bad({ events: [{ type: "code" }] });
  bad({ events: [null] });
  bad({ ending: { reason: "bored", mood: "happy", detail: null } });
  bad({ connection: { ...STATE.connection, asked: ["dance"] } });
  bad({ connection: { ...STATE.connection, missing: [5] } });
  t.end();
});

t.test("an error tells no secret", (t) => {
  try {
    parseState(JSON.stringify({ ...STATE, role: 1 }));
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    const told = `${error.message} ${error.hint ?? ""} ${error.stack ?? ""}`;
    for (const secret of [STATE.password, STATE.scalar!, STATE.key!]) t.notOk(told.includes(secret));
  }
  t.end();
});
