import { availableParallelism } from "node:os";
import t from "tap";
import { cborMap, isCborMap, type CborValue } from "../../src/lib/ctap/cbor.ts";
import { keyAgreement, pinProtocol, type PinProtocolNumber } from "../../src/lib/ctap/pin-protocol.ts";
import { ctap, getInfo, recordingCard, type Ctap2Request, type RecordingCard, type Reply } from "../support/ctap.ts";
import { checkFailure, temporaryDirectory, writeFiles } from "../support/keyhole.ts";
import { atTerminal } from "../support/terminal.ts";
import { together } from "../support/together.ts";

// Cards that verify their user themselves, which the software authenticator does not.

t.jobs = 2 * availableParallelism();

const SUBCOMMAND = { retries: 1, keyAgreement: 2, byUv: 6, byPin: 9 } as const;
const MAKE = ["make-credential", "--rp-id", "example.com", "--user-name", "alice"];
const HASH = Buffer.alloc(32, 5);
const TOKEN = Buffer.alloc(32, 7);

/** A card with a PIN/UV protocol; it refuses every makeCredential. @param byUv - its answer to verification on the card; a token without it */
function uvCard(t: Parameters<typeof recordingCard>[0], options: Readonly<Record<string, boolean>>, number: PinProtocolNumber, byUv?: number): Promise<RecordingCard> {
  const agreement = keyAgreement(number);
  const token = (peer: CborValue): Reply => {
    if (!isCborMap(peer)) return 0x14;
    return cborMap([2, pinProtocol(number).encrypt(agreement.sharedSecret(peer), TOKEN)]);
  };
  const reply = ({ command, params }: Ctap2Request): Reply => {
    if (command !== 0x06) return 0x27;
    switch (params.get(2)) {
      case SUBCOMMAND.retries:
        return cborMap([3, 8]);
      case SUBCOMMAND.keyAgreement:
        return cborMap([1, agreement.publicKey]);
      case SUBCOMMAND.byUv:
        return byUv ?? token(params.get(3));
      case SUBCOMMAND.byPin:
        return token(params.get(3));
      default:
        return 0x3e;
    }
  };
  return recordingCard(t, getInfo(options, [0x06, [number]]), reply);
}

/** Commands, those of clientPIN as `6.` and the subcommand. */
function asked({ requests }: RecordingCard): readonly string[] {
  return requests.map(({ command, params }) => (command === 0x06 ? `6.${Number(params.get(2))}` : String(command)));
}

/** The pinUvAuthParam that fits the token. */
function proof(number: PinProtocolNumber): Uint8Array {
  return pinProtocol(number).authenticate(TOKEN, HASH);
}

t.test("a token for verification on the card", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  for (const number of [1, 2] as const) {
    const card = await uvCard(t, { uv: true, clientPin: true, pinUvAuthToken: true }, number);
    const [outcome] = await ctap(cwd, [...MAKE, "-d", card.uri, "--client-data-hash", HASH.toString("hex")]);
    checkFailure(t, outcome!, 1, /0x27/);
    t.same(asked(card), ["6.2", "6.6", "1"]);
    t.match(card.requests[1]!.params, new Map<number, unknown>([[9, 1], [10, "example.com"]]), "for makeCredential and this rp alone");
    const { params } = card.requests[2]!;
    t.same([params.get(8), params.get(9), params.get(7)], [proof(number), number, undefined]);
  }
  t.end();
});

t.test("the PIN, where its file is given", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { pin: "7392\n" });
  const card = await uvCard(t, { uv: true, clientPin: true, pinUvAuthToken: true }, 2);
  await ctap(cwd, [...MAKE, "-d", card.uri, "--client-data-hash", HASH.toString("hex"), "--pin-file", "pin"]);
  t.same(asked(card), ["6.1", "6.2", "6.9", "1"]);
  t.same(card.requests[3]!.params.get(8), proof(2));
  t.end();
});

t.test("the PIN, where the card did not recognise its user", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  for (const status of [0x3f, 0x3c]) {
    const card = await uvCard(t, { uv: true, clientPin: true, pinUvAuthToken: true }, 2, status);
    const session = await atTerminal(["ctap", ...MAKE, "-d", card.uri], [{ expect: "PIN: ", send: "7392\r" }], { cwd });
    t.match(session, { status: 1, missed: null, screen: /the card did not recognise its user\n/ });
    t.same(asked(card), ["6.2", "6.6", "6.1", "6.2", "6.9", "1"]);
    const piped = await uvCard(t, { uv: true, clientPin: true, pinUvAuthToken: true }, 2, status);
    const [outcome] = await ctap(cwd, [...MAKE, "-d", piped.uri]);
    checkFailure(t, outcome!, 1, new RegExp(`0x${status.toString(16)}`), "in a pipe it ends there");
  }
  t.end();
});

t.test("without tokens, verification in the request", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const card = await uvCard(t, { uv: true, clientPin: true }, 1);
  await ctap(cwd, [...MAKE, "-d", card.uri]);
  t.same(asked(card), ["1"]);
  t.same(card.requests[0]!.params.get(7), new Map([["uv", true]]));
  const unset = await uvCard(t, { uv: false, clientPin: false }, 1);
  await ctap(cwd, [...MAKE, "-d", unset.uri]);
  t.same([asked(unset), unset.requests[0]!.params.get(7)], [["1"], undefined]);
  t.end();
});

t.test("a PIN that gives no permission to make and use credentials", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { pin: "7392\n" });
  const card = await uvCard(t, { clientPin: true, pinUvAuthToken: true, noMcGaPermissionsWithClientPin: true }, 2);
  const [required] = await ctap(cwd, [...MAKE, "-d", card.uri, "--pin-file", "pin", "--uv", "required"]);
  checkFailure(t, required!, 1, /no PIN\/UV protocol that can be used for this/);
  t.same(asked(card), []);
  t.end();
});

t.test("when user verification is discouraged", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const run = async (options: Readonly<Record<string, boolean>>, words: readonly string[]): Promise<readonly string[]> => {
    const card = await uvCard(t, { uv: true, pinUvAuthToken: true, ...options }, 2);
    await ctap(cwd, [...words, "-d", card.uri, "--uv", "discouraged"]);
    return asked(card);
  };
  const SIGN = ["get-assertion", "--rp-id", "example.com"];
  const byToken = (command: string): readonly string[] => ["6.2", "6.6", command];
  t.same(await run({ makeCredUvNotRqd: true }, MAKE), ["1"]);
  t.same(await run({}, MAKE), byToken("1"), "the card makes none without it");
  t.same(await run({ makeCredUvNotRqd: true, rk: true }, [...MAKE, "--discoverable"]), byToken("1"), "nor a discoverable one");
  t.same(await run({ makeCredUvNotRqd: true, alwaysUv: true }, MAKE), byToken("1"));
  t.same(await run({}, SIGN), ["2"]);
  t.same(await run({ alwaysUv: true }, SIGN), byToken("2"));
  t.same(await run({ alwaysUv: true }, [...SIGN, "--no-touch"]), ["2"]);
  t.end();
});
