import t, { type Test } from "tap";
import { checkMinPinLength, enableEnterpriseAttestation, isAlwaysUv, isEnterpriseAttestation, setAlwaysUv, setMinPinLength, type MinPinLength } from "../../../src/lib/ctap/authenticator-config.ts";
import { encodeCbor, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { parseGetInfo, type GetInfo } from "../../../src/lib/ctap/get-info.ts";
import { PinUvAuthToken } from "../../../src/lib/ctap/pin-uv-auth-token.ts";
import { errorCode, errorCodeOf } from "../errors.ts";
import { ctap2Card, getInfo, type Reply, type ScriptedCtap2 } from "./ctap2-card.ts";
import { bytes, hex, readVectors } from "./vectors.ts";

const ALL = { authnrCfg: true, setMinPINLength: true, alwaysUv: false, ep: false, clientPin: true };

const TOKEN = new PinUvAuthToken(bytes("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), 2);

/** A card that does what it is told, so that its next getInfo says it. */
async function obedientCard(t: Test, reply: Reply = new Map()): Promise<ScriptedCtap2> {
  const options: Record<string, boolean> = { ...ALL };
  return ctap2Card(
    t,
    () => getInfo(options),
    ({ params }) => {
      if (reply === 0) return new Map();
      if (params.get(1) === 1) options.ep = true;
      if (params.get(1) === 2) options.alwaysUv = !options.alwaysUv;
      return reply;
    },
  );
}

const infoWith = (options: Record<string, boolean>, ...more: readonly (readonly [number, CborValue])[]): GetInfo => parseGetInfo(encodeCbor(getInfo(options, ...more)));

t.test("the proofs of the vectors", async (t) => {
  interface Vector {
    readonly config_setMinPINLength_6: { readonly pinUvAuthParam: string };
    readonly config_toggleAlwaysUv: { readonly pinUvAuthParam: string };
  }
  const { computed } = readVectors("pin-protocols") as { readonly computed: readonly { readonly pinUvAuthToken: string; readonly protocol1: Vector; readonly protocol2: Vector }[] };
  for (const { pinUvAuthToken, protocol1, protocol2 } of computed) {
    for (const [number, vector] of [[1, protocol1], [2, protocol2]] as const) {
      const token = new PinUvAuthToken(bytes(pinUvAuthToken), number);
      const { ctap2, requests } = await obedientCard(t);
      await setAlwaysUv(ctap2, true, token);
      await setMinPinLength(ctap2, { length: 6 }, token);
      t.same(requests.map(({ command, params }) => [command, params]), [
        [0x0d, new Map<number, unknown>([[1, 2], [3, number], [4, bytes(vector.config_toggleAlwaysUv.pinUvAuthParam)]])],
        [0x0d, new Map<number, unknown>([[1, 3], [2, new Map([[1, 6]])], [3, number], [4, bytes(vector.config_setMinPINLength_6.pinUvAuthParam)]])],
      ]);
    }
  }
});

t.test("always-uv is toggled only where it has to be", async (t) => {
  const { ctap2, requests } = await obedientCard(t);
  await setAlwaysUv(ctap2, false, TOKEN);
  t.equal(requests.length, 0);
  await setAlwaysUv(ctap2, true, TOKEN);
  await setAlwaysUv(ctap2, true, TOKEN);
  t.equal(requests.length, 1);
  t.ok(isAlwaysUv(await ctap2.getInfo()), "what the card says is asked anew");
  await setAlwaysUv(ctap2, false, TOKEN);
  t.notOk(isAlwaysUv(await ctap2.getInfo()));
});

t.test("enterprise attestation", async (t) => {
  const { ctap2, requests } = await obedientCard(t);
  await enableEnterpriseAttestation(ctap2, TOKEN);
  await enableEnterpriseAttestation(ctap2, TOKEN);
  t.equal(requests.length, 1);
  t.equal(hex(requests[0]!.bytes.subarray(0, 3)), "a30101");
  t.ok(isEnterpriseAttestation(await ctap2.getInfo()));
});

t.test("a card without PIN is shown no token", async (t) => {
  const { ctap2, requests } = await obedientCard(t);
  await enableEnterpriseAttestation(ctap2, undefined);
  await setMinPinLength(ctap2, { length: 63, rpIds: [], forceChange: true }, undefined);
  t.same(requests.map(({ bytes }) => hex(bytes)), ["a10101", "a2010302a201183f03f5"]);
});

t.test("a card that says yes and does nothing", async (t) => {
  const { ctap2 } = await obedientCard(t, 0);
  t.equal(await errorCodeOf(setAlwaysUv(ctap2, true, TOKEN)), "CTAP_CONFIG");
  t.equal(await errorCodeOf(enableEnterpriseAttestation(ctap2, TOKEN)), "CTAP_CONFIG");
});

t.test("a card that says no", async (t) => {
  const { ctap2 } = await obedientCard(t, 0x27);
  t.equal(await errorCodeOf(setAlwaysUv(ctap2, true, TOKEN)), "CTAP2_ERR_OPERATION_DENIED");
  t.equal(await errorCodeOf(setMinPinLength(ctap2, { length: 4 }, TOKEN)), "CTAP2_ERR_OPERATION_DENIED");
});

t.test("what the card does not have is named", (t) => {
  const lacks = (run: (info: GetInfo) => unknown, option: string, info: GetInfo): void => {
    t.throws(() => run(info), { code: "CTAP_UNSUPPORTED", kind: "outside", message: new RegExp(` ${option}$`) });
  };
  const minPin = (info: GetInfo): void => checkMinPinLength(info, { length: 6 });
  for (const run of [isAlwaysUv, isEnterpriseAttestation, minPin]) {
    lacks(run, "authnrCfg", infoWith({ ...ALL, authnrCfg: false }));
    lacks(run, "authnrCfg", infoWith({}));
  }
  lacks(isAlwaysUv, "alwaysUv", infoWith({ authnrCfg: true }));
  lacks(isEnterpriseAttestation, "ep", infoWith({ authnrCfg: true }));
  lacks(minPin, "setMinPINLength", infoWith({ ...ALL, setMinPINLength: false }));
  lacks((info) => void checkMinPinLength(info, { length: 6, rpIds: ["a"] }), "minPinLength", infoWith(ALL));
  t.end();
});

t.test("the least length of the PIN", async (t) => {
  const check = (request: MinPinLength, ...more: readonly (readonly [number, CborValue])[]): string | undefined => errorCode(() => void checkMinPinLength(infoWith(ALL, [2, ["minPinLength"]], ...more), request));
  t.equal(check({ length: 4 }), undefined);
  t.equal(check({ length: 6 }, [0x0d, 6]), undefined);
  t.equal(check({ length: 5 }, [0x0d, 6]), "CTAP2_ERR_PIN_POLICY_VIOLATION", "never becomes less");
  t.equal(check({ length: 4, rpIds: ["a", "b"] }, [0x10, 2]), undefined);
  t.equal(check({ length: 4, rpIds: ["a", "b"] }, [0x10, 1]), "CTAP_RP_IDS");

  const { ctap2, requests } = await ctap2Card(t, getInfo(ALL, [2, ["minPinLength"]], [0x10, 2]), () => new Map());
  await setMinPinLength(ctap2, { length: 8, rpIds: ["example.com"], forceChange: true }, TOKEN);
  const params = requests[0]!.params.get(2);
  t.same(params, new Map<number, unknown>([[1, 8], [2, ["example.com"]], [3, true]]));
  t.same(requests[0]!.params.get(4), TOKEN.authenticate(Uint8Array.of(...new Uint8Array(32).fill(0xff), 0x0d, 0x03, ...encodeCbor(params))));
});
