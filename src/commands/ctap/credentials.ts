import { encodeHex, equalBytes } from "../../lib/bytes.ts";
import { encodeCbor } from "../../lib/ctap/cbor.ts";
import { parseCredentialId } from "../../lib/ctap/credential-file.ts";
import { checkUpdateUser, CredentialManagement, credentialManagementCommand, type StoredCredential, type StoredRp } from "../../lib/ctap/credential-management.ts";
import { Enumeration } from "../../lib/ctap/ctap2.ts";
import type { User } from "../../lib/ctap/entities.ts";
import type { GetInfo } from "../../lib/ctap/get-info.ts";
import { isStatus } from "../../lib/ctap/status.ts";
import { encodeUnpaddedBase64url } from "../../lib/ctap/unpadded-base64url.ts";
import { hashRpId } from "../../lib/ctap/hash.ts";
import { CtapError, UsageError } from "../../lib/errors.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { algorithmName } from "./algorithms.ts";
import { describeUser } from "./credential-words.ts";
import { formatLines } from "./lines.ts";
import { withManagedCard } from "./managed-card.ts";
import { count, writeOutcome } from "./outcome.ts";

/** A credential, and whom it is for. */
interface Listed {
  readonly rp: StoredRp;
  readonly credential: StoredCredential;
}

/** keyhole ctap credentials list */
export async function credentialsList(args: Arguments): Promise<number> {
  const rpId = args.optional("rp-id");
  if (rpId === "") throw new UsageError("USAGE_EMPTY", "--rp-id is empty", { hint: args.usageHint });
  return withManagement(args, async (management) => {
    const { existing, remaining } = await management.metadata();
    const listed = await list(management, rpId);
    return writeOutcome(args, { existing, remaining, credentials: listed.map(toJson) }, ...describeList(listed), `${count(listed.length, "credential")}, room for ${remaining} more`);
  });
}

/** keyhole ctap credentials show */
export async function credentialsShow(args: Arguments): Promise<number> {
  const id = readId(args);
  return withManagement(args, async (management) => writeCredential(args, await find(args, management, id)));
}

/** keyhole ctap credentials delete */
export async function credentialsDelete(args: Arguments): Promise<number> {
  const id = readId(args);
  return withManagement(args, async (management) => {
    try {
      await management.delete(id);
    } catch (error) {
      throw isStatus(error, NO_CREDENTIALS) ? notThere(args) : error;
    }
    const shown = encodeUnpaddedBase64url(id);
    return writeOutcome(args, { id: shown, deleted: true }, `deleted ${shown}`);
  });
}

/** keyhole ctap credentials update-user */
export async function credentialsUpdateUser(args: Arguments): Promise<number> {
  const id = readId(args);
  const [name, displayName] = [args.optional("user-name"), args.optional("user-display-name")];
  if (name === undefined && displayName === undefined) throw new UsageError("USAGE_MISSING", `${args.command.name} needs --user-name NAME or --user-display-name NAME`, { hint: args.usageHint });
  const update = async (management: CredentialManagement): Promise<number> => {
    const { rp, credential } = await find(args, management, id);
    const { user } = credential;
    // The card forgets a name that it is not told again.
    const changed: User = { id: user.id, name: changedName(name, user.name), displayName: changedName(displayName, user.displayName) };
    await management.updateUser(id, changed);
    return writeCredential(args, { rp, credential: { ...credential, user: changed } });
  };
  return withManagement(args, update, checkUpdateUser);
}

/** @param given - empty to have none */
function changedName(given: string | undefined, before: string | undefined): string | undefined {
  if (given === undefined) return before;
  return given === "" ? undefined : given;
}

function withManagement(args: Arguments, run: (management: CredentialManagement) => Promise<number>, check: (info: GetInfo) => void = credentialManagementCommand): Promise<number> {
  return withManagedCard(args, { permission: "cm", check }, async ({ ctap2, info, authorise }) => run(new CredentialManagement(ctap2, info, await authorise())));
}

/** @throws {CtapError} CTAP_CREDENTIAL_ID */
function readId(args: Arguments): Uint8Array {
  return parseCredentialId(idAsTyped(args));
}

function idAsTyped({ positionals: [text = ""] }: Arguments): string {
  return text;
}

async function list(management: CredentialManagement, rpId: string | undefined): Promise<readonly Listed[]> {
  const rps = rpId === undefined ? await management.rps() : [{ id: rpId, name: undefined, idHash: hashRpId(rpId) }];
  const enumeration = new Enumeration("credentials");
  const listed: Listed[] = [];
  for (const rp of rps) listed.push(...(await management.credentials(rp.idHash, enumeration)).map((credential) => ({ rp, credential })));
  return listed;
}

/** @throws {CtapError} CTAP2_ERR_NO_CREDENTIALS */
async function find(args: Arguments, management: CredentialManagement, id: Uint8Array): Promise<Listed> {
  const found = (await list(management, undefined)).find(({ credential }) => equalBytes(credential.id, id));
  if (found === undefined) throw notThere(args);
  return found;
}

const NO_CREDENTIALS = 0x2e;

function notThere(args: Arguments): CtapError {
  return new CtapError("CTAP2_ERR_NO_CREDENTIALS", `card has no discoverable credential with the id ${idAsTyped(args)}`, { kind: "no", hint: "keyhole ctap credentials list shows the ids, and an id must be whole" });
}

function toJson({ rp, credential }: Listed): object {
  const { id, user, publicKey, credProtect, hasLargeBlobKey, thirdPartyPayment } = credential;
  return {
    id: encodeUnpaddedBase64url(id),
    rp: { id: rp.id, name: rp.name, idHash: encodeUnpaddedBase64url(rp.idHash) },
    user: { id: encodeUnpaddedBase64url(user.id), name: user.name, displayName: user.displayName },
    algorithm: algorithmOf(credential),
    publicKey: encodeUnpaddedBase64url(encodeCbor(publicKey)),
    credProtect,
    largeBlobKey: hasLargeBlobKey,
    thirdPartyPayment,
  };
}

function describeList(listed: readonly Listed[]): readonly string[] {
  return listed.flatMap(({ rp, credential: { id, user } }, i) => [...(listed[i - 1]?.rp === rp ? [] : [nameOf(rp)]), `  ${encodeUnpaddedBase64url(id)}  ${namesOf(user)}`]);
}

function writeCredential(args: Arguments, listed: Listed): number {
  return writeOutcome(args, toJson(listed), describe(listed).trimEnd());
}

const PROTECTION: Readonly<Record<number, string>> = {
  1: "usable without user verification",
  2: "usable with user verification, or with its id",
  3: "usable with user verification only",
};

function describe({ rp, credential }: Listed): string {
  const { id, user, credProtect, hasLargeBlobKey, publicKey } = credential;
  return formatLines([
    ["credential", encodeUnpaddedBase64url(id)],
    ["public key", `${algorithmOf(credential)} ${encodeUnpaddedBase64url(encodeCbor(publicKey))}`],
    ["rp", nameOf(rp)],
    ["user", describeUser(user)],
    ...(user.displayName === undefined ? [] : [["display name", escapeForTerminal(user.displayName)] as const]),
    ["cred-protect", credProtect === undefined ? "not said" : `${credProtect}, ${PROTECTION[credProtect] ?? "which has no known meaning"}`],
    ["large-blob key", hasLargeBlobKey ? "yes" : "no"],
  ]);
}

function nameOf({ id, name, idHash }: StoredRp): string {
  const shown = id === undefined ? `rp with the hash ${encodeHex(idHash)}` : escapeForTerminal(id);
  return name === undefined || name === id ? shown : `${shown} (${escapeForTerminal(name)})`;
}

function namesOf({ name, displayName }: User): string {
  const [first = "without a name", second = first] = [name, displayName].filter((text) => text !== undefined).map(escapeForTerminal);
  return second === first ? first : `${first}, ${second}`;
}

const ALGORITHM = 3;

function algorithmOf({ publicKey }: StoredCredential): string {
  const algorithm = publicKey.get(ALGORITHM);
  return typeof algorithm === "number" ? algorithmName(algorithm) : "unknown";
}
