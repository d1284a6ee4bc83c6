import { equalBytes, wipe } from "../../lib/bytes.ts";
import { verifyAssertion } from "../../lib/ctap/attestation.ts";
import { cborMap } from "../../lib/ctap/cbor.ts";
import { ClientPin, type SharedSecret } from "../../lib/ctap/client-pin.ts";
import { updateCredentialFile } from "../../lib/ctap/credential-file.ts";
import { Ctap1 } from "../../lib/ctap/ctap1.ts";
import { Ctap2 } from "../../lib/ctap/ctap2.ts";
import type { Assertion, GetAssertionParams } from "../../lib/ctap/get-assertion.ts";
import { decryptHmacSecretOutput, encodeHmacSecretInput, HMAC_SECRET, parseSalts } from "../../lib/ctap/hmac-secret.ts";
import { CtapError, KeyholeError, UsageError } from "../../lib/errors.ts";
import { checkNewFile, readFile, writeNewFile } from "../../lib/files.ts";
import type { Arguments } from "../arguments.ts";
import { say } from "../io.ts";
import { EXIT_OK } from "../report.ts";
import { showAssertions, type Checked } from "./assertions.ts";
import { withCard, type Card } from "./card.ts";
import { readClientData, type ClientDataInput } from "./client-data-input.ts";
import { readCredentials, type NamedCredential } from "./credential-input.ts";
import { checkCanAssert, checkCtap1Options, needsCtap2, usesCtap1 } from "./credential-options.ts";
import { authoriseUse, protocolOption } from "./pin-input.ts";

/** What the command line asks for, all of it read and checked. */
interface Request extends ClientDataInput {
  /** For either protocol; what only CTAP2 has is added when the card is known. */
  readonly params: GetAssertionParams;
  readonly needsTouch: boolean;
  readonly named: readonly NamedCredential[];
  readonly hmacSecret: { readonly salts: Uint8Array; readonly out: string } | undefined;
}

/** keyhole ctap get-assertion */
export function getAssertion(args: Arguments): Promise<number> {
  const request = readRequest(args);
  return withCard(args, async (card) => {
    const { assertions, uv, secrets } = usesCtap1(args, card.device) ? await signByCtap1(card, args, request) : await signByCtap2(card, args, request);
    try {
      const checked = assertions.map((assertion) => check(assertion, request, uv));
      if (secrets !== undefined && request.hmacSecret !== undefined) writeNewFile(request.hmacSecret.out, "file of derived secrets", secrets);
      for (const one of checked) keep(args, one);
      showAssertions(args, { checked, params: request.params, clientData: request.clientData, secretsFile: request.hmacSecret?.out });
      return EXIT_OK;
    } finally {
      if (secrets !== undefined) wipe(secrets);
    }
  });
}

/** @throws {UsageError} USAGE_…; {CtapError} CTAP_CREDENTIAL_…, CTAP_SALT; {FileError} FILE_… */
function readRequest(args: Arguments): Request {
  const rpId = args.required("rp-id");
  if (rpId === "") throw new UsageError("USAGE_EMPTY", "--rp-id is empty", { hint: args.usageHint });
  const named = readCredentials(args, "credential", rpId);
  if (args.flag("u2f")) checkNamed(args, named);
  if (args.flag("large-blob-key") && !named.some(({ file }) => file !== undefined)) {
    throw new UsageError("USAGE_LARGE_BLOB_KEY", "--large-blob-key needs --credential FILE, a credential file to keep the key in", { hint: args.usageHint });
  }
  const input = readClientData(args, "webauthn.get", rpId);
  const needsTouch = !args.flag("no-touch");
  const options = needsTouch ? undefined : { up: false };
  return { ...input, params: { rpId, clientDataHash: input.hash, allowList: named.map(({ id }) => ({ id })), options }, needsTouch, named, hmacSecret: readHmacSecret(args) };
}

function readHmacSecret(args: Arguments): Request["hmacSecret"] {
  const path = args.optional("hmac-secret");
  const out = args.optional("hmac-secret-out");
  if (path === undefined && out === undefined) return undefined;
  if (path === undefined || out === undefined) throw new UsageError("USAGE_HMAC_SECRET", "--hmac-secret and --hmac-secret-out go together", { hint: args.usageHint });
  if (args.flag("no-touch")) throw new UsageError("USAGE_HMAC_SECRET", "--hmac-secret does not go with --no-touch: cards derive secrets only when touched", { hint: args.usageHint });
  checkNewFile(out, "file of derived secrets");
  try {
    return { salts: parseSalts(readFile(path, "salt file", MAX_SALT_FILE_LENGTH).bytes), out };
  } catch (error) {
    throw error instanceof CtapError ? error.about(path) : error;
  }
}

/** Of a file that is a little too long, its length is to be told. */
const MAX_SALT_FILE_LENGTH = 1024;

/** CTAP1 does not find credentials by itself. @throws {UsageError} USAGE_U2F; {CtapError} CTAP_U2F_ONLY */
function checkNamed(args: Arguments, named: readonly NamedCredential[]): void {
  checkCtap1Options(args);
  if (named.length === 0) throw needsCtap2(args, "get-assertion without --credential", "name the credential with --credential");
}

interface Signed {
  readonly assertions: readonly Assertion[];
  /** Whether the user was to be verified. */
  readonly uv: boolean;
  /** Of hmac-secret. */
  readonly secrets?: Uint8Array | undefined;
}

async function signByCtap1({ device, transact }: Card, args: Arguments, { params, named }: Request): Promise<Signed> {
  checkNamed(args, named);
  return { assertions: [await new Ctap1(device, transact).getAssertion(params)], uv: false };
}

async function signByCtap2(card: Card, args: Arguments, { params, needsTouch, hmacSecret }: Request): Promise<Signed> {
  const ctap2 = new Ctap2(card.device, card.transact);
  checkCanAssert(args, await ctap2.getInfo(), params.allowList?.length ?? 0);
  const { token, uv } = await authoriseUse(card, ctap2, args, { permission: "ga", rpId: params.rpId, needsTouch });
  let shared: SharedSecret | undefined;
  try {
    if (hmacSecret !== undefined) shared = await new ClientPin(ctap2, protocolOption(args)).shareSecret();
    const input = shared === undefined || hmacSecret === undefined ? undefined : encodeHmacSecretInput(shared, hmacSecret.salts);
    const assertions = await ctap2.getAssertion({
      ...params,
      extensions: cborMap([HMAC_SECRET, input], ["largeBlobKey", args.flag("large-blob-key") || undefined]),
      options: { ...params.options, uv },
      token,
    });
    return { assertions, uv: token !== undefined || uv === true, secrets: shared === undefined || hmacSecret === undefined ? undefined : derive(shared, hmacSecret.salts, assertions) };
  } finally {
    token?.destroy();
    if (shared !== undefined) wipe(shared.bytes);
  }
}

/** Secrets of another credential than the one that is meant would open nothing, or the wrong thing. */
function derive(shared: SharedSecret, salts: Uint8Array, [first, ...others]: readonly [Assertion, ...Assertion[]]): Uint8Array {
  if (others.length === 0) return decryptHmacSecretOutput(shared, first.authData.extensions?.get(HMAC_SECRET), salts);
  throw new CtapError("CTAP_SEVERAL_CREDENTIALS", `${1 + others.length} credentials answered, and secrets are derived from one`, { kind: "no", hint: "name it with --credential" });
}

/** @throws {CtapError} CTAP_VERIFICATION, CTAP_COUNTER */
function check(assertion: Assertion, { params, needsTouch, named }: Request, uv: boolean): Checked {
  const match = named.find(({ id }) => equalBytes(id, assertion.credential.id));
  if (named.length > 0 && match === undefined) throw new CtapError("CTAP_VERIFICATION", "card answered with a credential that was not asked for", { kind: "no" });
  const file = match?.file;
  verifyAssertion(assertion, { rpId: params.rpId, clientDataHash: params.clientDataHash, up: needsTouch, uv }, file?.credential.publicKey);
  if (file !== undefined) checkCounter(assertion.authData.counter, file.credential.counter);
  return { assertion, file };
}

/** Source: WebAuthn §7.2, step 22. A card that does not count says 0 each time. */
function checkCounter(counter: number, before: number): void {
  if (counter > before || (counter === 0 && before === 0)) return;
  throw new CtapError("CTAP_COUNTER", `counter is ${counter}, expected more than ${before}, the last that was seen`, {
    kind: "no",
    hint: "the card may have been cloned, or an older copy of the credential file is in use",
  });
}

/** Counter and large-blob key go to the file. The assertion is not lost where that fails. */
function keep(args: Arguments, { assertion, file }: Checked): void {
  if (file === undefined) return;
  const { largeBlobKey } = assertion;
  if (args.flag("large-blob-key") && largeBlobKey === undefined && !args.flag("quiet")) say("warning: the credential has no key for a large blob");
  try {
    updateCredentialFile(file.path, file.credential.id, { counter: assertion.authData.counter, largeBlobKey });
  } catch (error) {
    if (!(error instanceof KeyholeError) || largeBlobKey !== undefined) throw error;
    say(`warning: ${error.message}; the file does not have the new counter`);
  }
}
