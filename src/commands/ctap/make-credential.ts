import { randomBytes } from "node:crypto";
import { parseHex } from "../../lib/bytes.ts";
import { verifyAttestation } from "../../lib/ctap/attestation.ts";
import { cborMap } from "../../lib/ctap/cbor.ts";
import { writeCredentialFile } from "../../lib/ctap/credential-file.ts";
import { COSE_ALGORITHM } from "../../lib/ctap/cose.ts";
import { Ctap1 } from "../../lib/ctap/ctap1.ts";
import { Ctap2 } from "../../lib/ctap/ctap2.ts";
import type { User } from "../../lib/ctap/entities.ts";
import { HMAC_SECRET } from "../../lib/ctap/hmac-secret.ts";
import type { MadeCredential, MakeCredentialParams } from "../../lib/ctap/make-credential.ts";
import { encodeUnpaddedBase64url } from "../../lib/ctap/unpadded-base64url.ts";
import { UsageError } from "../../lib/errors.ts";
import { checkNewFile } from "../../lib/files.ts";
import type { Arguments } from "../arguments.ts";
import { say } from "../io.ts";
import { EXIT_OK } from "../report.ts";
import { algorithmsOption } from "./algorithms.ts";
import { withCard, type Card } from "./card.ts";
import { readClientData, type ClientDataInput } from "./client-data-input.ts";
import { readCredentials } from "./credential-input.ts";
import { checkCanMake, checkCtap1Options, needsCtap2, usesCtap1 } from "./credential-options.ts";
import { showCredential, toCredential, type Made } from "./made-credential.ts";
import { authoriseUse } from "./pin-input.ts";

/** What the command line asks for, all of it read and checked. */
interface Request extends ClientDataInput {
  /** For either protocol; what only CTAP2 has is added when the card is known. */
  readonly params: MakeCredentialParams;
  /** New file for the credential. */
  readonly out: string | undefined;
}

/** keyhole ctap make-credential */
export function makeCredential(args: Arguments): Promise<number> {
  const request = readRequest(args);
  const { params, clientData, out } = request;
  return withCard(args, async (card) => {
    const { made, uv, ...how } = usesCtap1(args, card.device) ? await makeByCtap1(card, args, request) : await makeByCtap2(card, args, request);
    const expected = { rpId: params.rp.id, clientDataHash: params.clientDataHash, uv };
    const verified = verifyAttestation(made, expected, params.algorithms);
    const result: Made = { ...how, made, verified, params, clientData, out, isDiscoverable: args.flag("discoverable") };
    if (out !== undefined) keep(out, result);
    showCredential(args, result);
    return EXIT_OK;
  });
}

/** @throws {UsageError} USAGE_…; {CtapError} CTAP_CREDENTIAL_…; {FileError} FILE_… */
function readRequest(args: Arguments): Request {
  const rp = { id: nonEmpty(args, "rp-id"), name: args.optional("rp-name") };
  const user = readUser(args);
  const algorithms = algorithmsOption(args);
  if (args.flag("u2f")) checkCtap1Options(args);
  if (args.flag("u2f") && !algorithms.includes(COSE_ALGORITHM.es256)) throw needsCtap2(args, "--alg without es256");
  if (args.flag("large-blob-key") && !args.flag("discoverable")) {
    throw new UsageError("USAGE_LARGE_BLOB_KEY", "--large-blob-key needs --discoverable", { hint: args.usageHint });
  }
  const input = readClientData(args, "webauthn.create", rp.id);
  const excludeList = readCredentials(args, "exclude", rp.id);
  const out = args.optional("out");
  if (out !== undefined) checkNewFile(out, "credential file");
  return { ...input, params: { clientDataHash: input.hash, rp, user, algorithms, excludeList }, out };
}

const USER_ID_LENGTH = 32;
const MAX_USER_ID_LENGTH = 64;

function readUser(args: Arguments): User {
  const name = nonEmpty(args, "user-name");
  const text = args.optional("user-id");
  const id = text === undefined ? randomBytes(USER_ID_LENGTH) : parseHex(text);
  if (id === undefined || id.length === 0 || id.length > MAX_USER_ID_LENGTH) {
    const found = id === undefined ? "no hexadecimal" : `${id.length} bytes`;
    throw new UsageError("USAGE_USER_ID", `--user-id is ${found}, expected 1 to ${MAX_USER_ID_LENGTH} bytes in hexadecimal`);
  }
  return { id, name, displayName: args.optional("user-display-name") };
}

function nonEmpty(args: Arguments, name: string): string {
  const value = args.required(name);
  if (value === "") throw new UsageError("USAGE_EMPTY", `--${name} is empty`, { hint: args.usageHint });
  return value;
}

/** A credential, and how it was made. */
interface MadeBy extends Pick<Made, "made" | "isU2f" | "transports"> {
  /** Whether the user was to be verified. */
  readonly uv: boolean;
}

async function makeByCtap1({ device, transact }: Card, args: Arguments, { params }: Request): Promise<MadeBy> {
  if (!params.algorithms.includes(COSE_ALGORITHM.es256)) throw needsCtap2(args, "--alg without es256");
  const made = await new Ctap1(device, transact).makeCredential(params);
  return { made, isU2f: true, uv: false, transports: [] };
}

async function makeByCtap2(card: Card, args: Arguments, { params }: Request): Promise<MadeBy> {
  const ctap2 = new Ctap2(card.device, card.transact);
  const info = await ctap2.getInfo();
  const isDiscoverable = args.flag("discoverable");
  checkCanMake(args, info, params.algorithms, params.excludeList?.length ?? 0);
  const { token, uv } = await authoriseUse(card, ctap2, args, { permission: "mc", rpId: params.rp.id, isDiscoverable });
  try {
    const made = await ctap2.makeCredential({
      ...params,
      extensions: cborMap(
        ["credProtect", numberOption(args, "cred-protect")],
        [HMAC_SECRET, args.flag("hmac-secret") || undefined],
        ["largeBlobKey", args.flag("large-blob-key") || undefined],
      ),
      options: { rk: isDiscoverable || undefined, uv },
      token,
      enterpriseAttestation: enterpriseOption(args),
    });
    warnOfRefusals(args, made);
    return { made, isU2f: false, uv: token !== undefined || uv === true, transports: info.transports };
  } finally {
    token?.destroy();
  }
}

function numberOption(args: Arguments, name: string): number | undefined {
  return args.isGiven(name) ? Number(args.required(name)) : undefined;
}

function enterpriseOption(args: Arguments): 1 | 2 | undefined {
  const kind = args.optional("enterprise");
  return kind === undefined ? undefined : kind === "1" ? 1 : 2;
}

/** A card may leave out an extension that it has, and make the credential all the same. */
function warnOfRefusals(args: Arguments, { authData: { extensions }, largeBlobKey }: MadeCredential): void {
  const refused = [
    args.flag("hmac-secret") && extensions?.get(HMAC_SECRET) !== true ? HMAC_SECRET : undefined,
    args.isGiven("cred-protect") && extensions?.get("credProtect") !== numberOption(args, "cred-protect") ? "credProtect" : undefined,
    args.flag("large-blob-key") && largeBlobKey === undefined ? "largeBlobKey" : undefined,
  ].filter((name) => name !== undefined);
  if (refused.length > 0 && !args.flag("quiet")) say(`warning: the card made the credential without what was asked for: ${refused.join(", ")}`);
}

/** Where the file cannot be written, at least the id is not lost. */
function keep(out: string, result: Made): void {
  try {
    writeCredentialFile(out, toCredential(result));
  } catch (error) {
    say(`warning: the credential was made, and its id is ${encodeUnpaddedBase64url(result.made.credential.credentialId)}`);
    throw error;
  }
}
