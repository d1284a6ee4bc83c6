import t from "tap";
import { concatBytes } from "../../../../src/lib/bytes.ts";
import { cborMap, encodeCbor, type CborMap } from "../../../../src/lib/ctap/cbor.ts";
import { DirectHost, DISCOVERABLE, RP_ID, type TokenOptions } from "./direct-host.ts";

const PIN = "1234";

function config(host: DirectHost, subcommand: number, params?: CborMap, pin?: string, options: TokenOptions = { permissions: 0x20 }): number {
  const token = pin === undefined ? undefined : host.mustToken(pin, options);
  const message = concatBytes(new Uint8Array(32).fill(0xff), Uint8Array.of(0x0d, subcommand), params === undefined ? new Uint8Array() : encodeCbor(params));
  return host.call(0x0d, cborMap([1, subcommand], [2, params], [3, token?.protocol], [4, token?.prove(message)])).status;
}

t.test("always-uv", (t) => {
  const host = new DirectHost();
  t.equal(config(host, 2), 0);
  t.same([host.option("alwaysUv"), host.option("makeCredUvNotRqd")], [true, false]);
  t.equal(host.makeCredential().status, 0x36, "nothing goes without a PIN");
  t.equal(host.getAssertion().status, 0x36);
  t.equal(host.setPin(PIN).status, 0);
  const id = host.mustMake({ token: host.mustToken(PIN, { permissions: 1, rpId: RP_ID }) });
  t.equal(host.getAssertion({ allow: [id] }).status, 0x36);
  t.equal(host.getAssertion({ allow: [id], options: cborMap(["up", false]) }).status, 0, "but asking for a credential without a touch");
  t.equal(host.getAssertion({ allow: [id], token: host.mustToken(PIN, { permissions: 2, rpId: RP_ID }) }).status, 0);
  t.same(host.info().get(1), ["FIDO_2_0", "FIDO_2_1"], "U2F, which cannot verify its user, is off");
  t.same(host.msg(concatBytes(Uint8Array.of(0, 1, 0, 0, 64), new Uint8Array(64))), Uint8Array.of(0x69, 0x86));
  t.equal(config(host, 2), 0x36);
  t.equal(config(host, 2, undefined, PIN), 0);
  t.same([host.option("alwaysUv"), host.option("makeCredUvNotRqd")], [false, true], "off again");
  t.same(host.info().get(1), ["U2F_V2", "FIDO_2_0", "FIDO_2_1"]);
  t.end();
});

t.test("minimum PIN length", (t) => {
  const host = new DirectHost();
  t.equal(config(host, 3, cborMap([1, 3])), 0x37, "only grows");
  t.equal(config(host, 3, cborMap([1, 64])), 0x37);
  t.equal(config(host, 3, cborMap([3, true])), 0x35, "no PIN to be changed");
  t.equal(config(host, 3, cborMap([1, 6])), 0);
  t.equal(host.info().get(0x0d), 6);
  t.equal(host.setPin("12345").status, 0x37);
  t.equal(host.setPin("123456").status, 0);
  t.equal(config(host, 3, cborMap([1, 5]), "123456"), 0x37);
  t.equal(config(host, 3, cborMap([1, 6]), "123456"), 0);
  t.equal(host.info().get(0x0c), false, "a PIN that is long enough stays");
  t.equal(config(host, 3, cborMap([1, 8]), "123456"), 0);
  t.equal(host.info().get(0x0c), true, "one that is too short must be changed");
  t.equal(host.token("123456"), 0x37);
  t.equal(host.changePin("123456", "1234567").status, 0x37);
  t.equal(host.changePin("123456", "12345678").status, 0);
  t.equal(host.info().get(0x0c), false);
  t.equal(config(host, 3, cborMap([3, true]), "12345678"), 0);
  t.equal(host.info().get(0x0c), true, "or where that is wanted");
  t.end();
});

t.test("who may see the minimum PIN length", (t) => {
  const host = new DirectHost();
  const rpIds = Array.from({ length: 9 }, (_, i) => `${i}.example`);
  t.equal(config(host, 3, cborMap([2, rpIds])), 0x28);
  t.equal(config(host, 3, cborMap([2, rpIds.slice(1)])), 0);
  t.equal(config(host, 3, cborMap([2, [1]])), 0x11);
  t.equal(host.info().get(0x10), 8);
  t.end();
});

t.test("what it takes a token for", (t) => {
  const host = new DirectHost();
  host.setPin(PIN);
  t.equal(config(host, 2), 0x36);
  t.equal(config(host, 2, undefined, PIN, { permissions: 0x04 }), 0x33);
  for (const protocol of [1, 2] as const) t.equal(config(host, 3, cborMap([1, 4]), PIN, { permissions: 0x20, protocol }), 0);
  t.equal(config(host, 1, undefined, PIN), 0x30, "enterprise attestation stays off");
  t.equal(host.option("ep"), false);
  t.equal(config(host, 4, undefined, PIN), 0x3e);
  t.equal(config(host, 0xff, undefined, PIN), 0x3e);
  t.equal(host.call(0x0d, cborMap()).status, 0x14);
  t.end();
});

t.test("reset", (t) => {
  const host = new DirectHost();
  const id = host.mustMake({ options: DISCOVERABLE });
  const plain = host.mustMake();
  host.setPin(PIN);
  host.nowMs = 10_001;
  t.equal(host.call(0x07).status, 0x30, "10 s after it got power");
  t.equal(host.getAssertion({ allow: [id] }).status, 0);
  host.authenticator.powerCycle();
  host.nowMs += 10_000;
  t.equal(host.call(0x07).status, 0);
  t.same(host.touches.at(-1), { what: "reset" });
  t.equal(host.getAssertion({ allow: [id, plain] }).status, 0x2e, "all credentials are void");
  t.equal(host.option("clientPin"), false);
  t.equal(host.info().get(0x14), 64);
  t.equal(config(host, 2), 0, "and there is no PIN");
  t.end();
});

t.test("selection", (t) => {
  const host = new DirectHost();
  t.equal(host.call(0x0b).status, 0);
  t.same(host.touches, [{ what: "selection" }]);
  t.end();
});
