import t from "tap";
import { cborMap, type CborValue } from "../../../../src/lib/ctap/cbor.ts";
import { MemoryStore, newState } from "../../../../src/lib/ctap/authenticator/state.ts";
import { DirectHost, DISCOVERABLE, RP_ID, type Entry, type TokenOptions } from "./direct-host.ts";

const PIN = "1234abcd";
const WRONG = "0000";
const RETRIES = 0x03;
const POWER_CYCLE = 0x04;

const PERMISSION = { mc: 0x01, ga: 0x02, cm: 0x04, be: 0x08, lbw: 0x10, acfg: 0x20 };

for (const protocol of [1, 2] as const) {
  t.test(`protocol ${protocol}`, (t) => {
    const host = new DirectHost();
    t.equal(host.option("clientPin"), false);
    t.equal(host.token(PIN, { protocol }), 0x35, "no PIN, no token");
    t.equal(host.changePin(PIN, "zyxw9876", protocol).status, 0x35);
    t.equal(host.setPin(PIN, protocol).status, 0);
    t.equal(host.option("clientPin"), true);
    t.equal(host.setPin("other", protocol).status, 0x33, "a first PIN comes once");
    t.type(host.token(PIN, { protocol }), "object");
    t.equal(host.changePin(WRONG, "zyxw9876", protocol).status, 0x31);
    t.equal(host.retries().get(RETRIES), 7);
    t.equal(host.changePin(PIN, "zyxw9876", protocol).status, 0);
    t.equal(host.retries().get(RETRIES), 8, "the right PIN gives all retries back");
    t.equal(host.token(PIN, { protocol }), 0x31);
    t.type(host.token("zyxw9876", { protocol }), "object");
    t.end();
  });
}

t.test("which PINs it takes", (t) => {
  const status = (pin: string): number => new DirectHost().setPin(pin).status;
  t.equal(status("123"), 0x37);
  t.equal(status("1234"), 0);
  t.equal(status("äöü"), 0x37, "characters are counted, not bytes");
  t.equal(status("🔑🔑🔑🔑"), 0);
  t.equal(status("x".repeat(63)), 0);
  t.equal(status("x".repeat(64)), 0x37);
  const tunnelled = (plain: Uint8Array): number => {
    const host = new DirectHost();
    const tunnel = host.tunnel(2);
    const newPin = tunnel.encrypt(plain);
    return host.call(0x06, tunnel.request(0x03, [0x04, tunnel.prove(newPin)], [0x05, newPin])).status;
  };
  t.equal(tunnelled(new Uint8Array(48).fill(0x31, 0, 8)), 0x02, "a PIN that is not filled up to 64 bytes");
  t.equal(tunnelled(new Uint8Array(64).fill(0xff, 0, 8)), 0x37, "not UTF-8");
  t.end();
});

t.test("three wrong PINs in a row block until there was no power", (t) => {
  const host = new DirectHost();
  host.setPin(PIN);
  t.same([host.token(WRONG), host.token(WRONG)], [0x31, 0x31]);
  t.notOk(host.retries().has(POWER_CYCLE));
  t.equal(host.token(WRONG), 0x34);
  t.same([...host.retries()], [[RETRIES, 5], [POWER_CYCLE, true]]);
  t.equal(host.token(PIN), 0x34, "the right one too");
  t.equal(host.changePin(PIN, "other").status, 0x34);
  t.equal(host.retries().get(RETRIES), 5, "which costs no retry");
  host.authenticator.powerCycle();
  t.type(host.token(PIN), "object");
  t.equal(host.retries().get(RETRIES), 8);
  t.end();
});

t.test("the right PIN between ends a row", (t) => {
  const host = new DirectHost();
  host.setPin(PIN);
  t.same([host.token(WRONG), host.token(WRONG)], [0x31, 0x31]);
  t.type(host.token(PIN), "object");
  t.same([host.token(WRONG), host.token(WRONG)], [0x31, 0x31]);
  t.end();
});

t.test("eight wrong PINs block for good", (t) => {
  const host = new DirectHost();
  host.setPin(PIN);
  const answers: unknown[] = [];
  for (let i = 0; i < 8; i++) {
    answers.push(host.token(WRONG));
    if (i % 3 === 2) host.authenticator.powerCycle();
  }
  t.same(answers, [0x31, 0x31, 0x34, 0x31, 0x31, 0x34, 0x31, 0x32]);
  t.equal(host.retries().get(RETRIES), 0);
  host.authenticator.powerCycle();
  t.equal(host.token(PIN), 0x32);
  t.equal(host.changePin(PIN, "other").status, 0x32);
  t.equal(host.setPin("other").status, 0x33);
  t.equal(host.call(0x07).status, 0, "a reset frees it");
  t.equal(host.setPin("other").status, 0);
  t.end();
});

t.test("a wrong PIN makes a new key agreement key", (t) => {
  const host = new DirectHost();
  host.setPin(PIN);
  const key = (): CborValue => host.ok(0x06, cborMap([1, 2], [2, 2])).get(1);
  const before = key();
  t.same(key(), before, "which else stays the same");
  host.token(WRONG);
  t.notSame(key(), before);
  t.end();
});

t.test("requests", (t) => {
  const host = new DirectHost();
  const status = (...entries: readonly Entry[]): number => host.call(0x06, cborMap(...entries)).status;
  t.equal(status(), 0x14, "no subcommand");
  t.equal(status([2, 0x2a]), 0x3e, "an unknown one");
  t.equal(status([1, 2], [2, 0x06]), 0x3e, "verification on the card");
  t.equal(status([1, 2], [2, 0x07]), 0x3e);
  t.equal(status([2, 2]), 0x14, "no protocol");
  t.equal(status([1, 3], [2, 2]), 0x02, "an unknown one");
  t.equal(status([1, "2"], [2, 2]), 0x11);
  t.equal(status([1, 2], [2, 3]), 0x14, "setPIN without anything");
  const { publicKey } = host.tunnel(2);
  t.equal(status([1, 2], [2, 3], [3, publicKey], [4, new Uint8Array(32)]), 0x14);
  t.equal(status([1, 2], [2, 3], [3, publicKey], [4, new Uint8Array(32)], [5, new Uint8Array(80)]), 0x33, "a wrong proof");
  t.equal(status([1, 2], [2, 3], [3, cborMap([1, 2])], [4, new Uint8Array(32)], [5, new Uint8Array(80)]), 0x02, "no key");
  host.setPin(PIN);
  t.equal(status([1, 2], [2, 5], [3, publicKey], [6, new Uint8Array(7)]), 0x31, "a PIN hash that cannot be decrypted is a wrong PIN");
  t.equal(status([1, 2], [2, 4], [3, publicKey], [4, new Uint8Array(32)], [5, new Uint8Array(80)], [6, new Uint8Array(32)]), 0x33);
  t.equal(host.retries().get(RETRIES), 7, "a change without proof costs no retry");
  t.end();
});

t.test("permissions", (t) => {
  const host = new DirectHost();
  host.setPin(PIN);
  const token = (options: TokenOptions): unknown => {
    const given = host.token(PIN, options);
    return typeof given === "number" ? given : "token";
  };
  t.equal(token({ permissions: 0, rpId: RP_ID }), 0x02);
  t.equal(token({ permissions: PERMISSION.be }), 0x40, "it has no fingerprints");
  t.equal(token({ permissions: PERMISSION.mc }), 0x14, "a credential is one relying party's");
  t.equal(token({ permissions: PERMISSION.ga }), 0x14);
  t.equal(token({ permissions: PERMISSION.mc | PERMISSION.cm, rpId: RP_ID }), "token");
  t.equal(token({ permissions: PERMISSION.cm | PERMISSION.lbw | PERMISSION.acfg }), "token");
  const tunnel = host.tunnel(2);
  t.equal(host.call(0x06, tunnel.request(0x05, [0x06, new Uint8Array(32)], [0x09, 1])).status, 0x02, "getPinToken takes none");
  t.equal(host.retries().get(RETRIES), 8, "these cost no retry");
  t.end();
});

t.test("what a token is good for", (t) => {
  const make = (options: TokenOptions, rpId = RP_ID): number => {
    const host = new DirectHost();
    host.setPin(PIN);
    return host.makeCredential({ rpId, token: host.mustToken(PIN, options) }).status;
  };
  t.equal(make({ permissions: PERMISSION.mc, rpId: RP_ID }), 0);
  t.equal(make({ permissions: PERMISSION.ga, rpId: RP_ID }), 0x33, "not for what it does not permit");
  t.equal(make({ permissions: PERMISSION.mc, rpId: "example.org" }), 0x33, "not for another relying party");
  t.equal(make({}), 0, "one of getPinToken for any");
  t.end();
});

t.test("a token is spent by a touch", (t) => {
  const host = new DirectHost();
  host.setPin(PIN);
  const token = host.mustToken(PIN);
  t.equal(host.getAssertion({ token, options: cborMap(["up", false]) }).status, 0x2e);
  t.equal(host.makeCredential({ token }).status, 0);
  t.equal(host.makeCredential({ token }).status, 0x33);
  t.end();
});

t.test("a token goes with its first relying party, its protocol, and the last PIN", (t) => {
  const host = new DirectHost();
  const allow = [host.mustMake()];
  host.setPin(PIN);
  const options = cborMap(["up", false]);
  const token = host.mustToken(PIN);
  t.equal(host.getAssertion({ allow, token, options }).status, 0);
  t.equal(host.getAssertion({ allow, token, options, rpId: "example.org" }).status, 0x33);
  t.equal(host.getAssertion({ allow, token: { ...token, protocol: 1 }, options }).status, 0x33);
  const newer = host.mustToken(PIN);
  t.equal(host.getAssertion({ allow, token, options }).status, 0x33, "a newer one voids it");
  t.equal(host.changePin(PIN, PIN).status, 0);
  t.equal(host.getAssertion({ allow, token: newer, options }).status, 0x33, "a new PIN too");
  const last = host.mustToken(PIN);
  host.authenticator.powerCycle();
  t.equal(host.getAssertion({ allow, token: last, options }).status, 0x33, "and the loss of power");
  t.end();
});

t.test("a token has its time", (t) => {
  const host = new DirectHost();
  const allow = [host.mustMake()];
  host.setPin(PIN);
  const options = cborMap(["up", false]);
  const late = host.mustToken(PIN);
  host.nowMs += 30_001;
  t.equal(host.getAssertion({ allow, token: late, options }).status, 0x33, "30 s to its first use");
  const used = host.mustToken(PIN);
  t.equal(host.getAssertion({ allow, token: used, options }).status, 0);
  host.nowMs += 599_000;
  t.equal(host.getAssertion({ allow, token: used, options }).status, 0);
  host.nowMs += 1_001;
  t.equal(host.getAssertion({ allow, token: used, options }).status, 0x33, "10 minutes in all");
  t.end();
});

t.test("when a PIN must be given", (t) => {
  const host = new DirectHost();
  t.equal(host.makeCredential({ options: DISCOVERABLE }).status, 0, "never without one");
  host.setPin(PIN);
  t.equal(host.makeCredential().status, 0, "not for a credential that is not discoverable");
  t.equal(host.makeCredential({ options: DISCOVERABLE }).status, 0x36);
  t.equal(host.getAssertion().status, 0);
  t.end();
});

t.test("a pinUvAuthParam of no bytes chooses a card by touch", (t) => {
  const host = new DirectHost();
  const empty = { protocol: 2, prove: () => new Uint8Array() } as const;
  t.equal(host.makeCredential({ token: empty }).status, 0x35);
  t.equal(host.getAssertion({ token: empty }).status, 0x35);
  host.setPin(PIN);
  t.equal(host.makeCredential({ token: empty }).status, 0x31);
  t.equal(host.getAssertion({ token: empty }).status, 0x31);
  t.same(host.touches.map(({ what }) => what), ["pin-check", "pin-check", "pin-check", "pin-check"]);
  t.equal(host.retries().get(RETRIES), 8);
  t.end();
});

t.test("a proof of an unknown protocol, and one of none", (t) => {
  const host = new DirectHost();
  host.setPin(PIN);
  const params = (protocol: CborValue) => cborMap([1, "example.com"], [2, new Uint8Array(32)], [6, new Uint8Array(32)], [7, protocol]);
  t.equal(host.call(0x02, params(undefined)).status, 0x14);
  t.equal(host.call(0x02, params(3)).status, 0x02);
  t.end();
});

t.test("a PIN that must be changed", (t) => {
  const state = newState();
  const forced = new DirectHost(new MemoryStore(state));
  forced.setPin(PIN);
  state.forcePinChange = true;
  t.equal(forced.info().get(0x0c), true);
  t.equal(forced.token(PIN), 0x37, "gives no token");
  t.equal(forced.token(PIN, { permissions: 4 }), 0x37);
  t.equal(forced.changePin(PIN, PIN).status, 0x37, "the same again is no change");
  t.equal(forced.changePin(PIN, "other").status, 0);
  t.equal(forced.info().get(0x0c), false);
  t.type(forced.token("other"), "object");
  t.end();
});
