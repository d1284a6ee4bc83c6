import { equalBytes, parseHex } from "../../lib/bytes.ts";
import { BioEnrollment, bioEnrollmentCommand, type Fingerprint, type Sample } from "../../lib/ctap/bio-enrollment.ts";
import { encodeUnpaddedBase64url, parseUnpaddedBase64url } from "../../lib/ctap/unpadded-base64url.ts";
import { CtapError, KeyholeError, UsageError } from "../../lib/errors.ts";
import { encodeUtf8, escapeForTerminal } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { say } from "../io.ts";
import { withManagedCard, type Managed } from "./managed-card.ts";
import { count, writeOutcome } from "./outcome.ts";

/** keyhole ctap bio list */
export function bioList(args: Arguments): Promise<number> {
  return withBio(args, async (managed) => {
    const { kind, samples, maxNameLength } = await sensorInfo(managed);
    const fingerprints = await (await authorised(managed)).fingerprints();
    const json = { sensor: { kind, samples, maxNameLength }, fingerprints: fingerprints.map(toJson) };
    return writeOutcome(args, json, ...fingerprints.map(describe), count(fingerprints.length, "fingerprint"));
  });
}

/** keyhole ctap bio enroll */
export async function bioEnroll(args: Arguments): Promise<number> {
  const name = args.optional("name");
  if (name !== undefined) checkName(name);
  return withBio(args, async (managed) => {
    const { samples, maxNameLength } = await sensorInfo(managed);
    if (name !== undefined) checkNameLength(name, maxNameLength);
    const enrollment = await authorised(managed);
    if (!args.flag("quiet")) say(`touch the sensor until it is done${samples === undefined ? "" : `, about ${samples} times`}`);
    const { timeoutMs } = managed.card.transact;
    const id = await enrollment.enroll({ timeoutMs, onSample: (sample) => tellSample(args, sample) });
    if (name !== undefined) await enrollment.rename(id, name);
    return writeOutcome(args, toJson({ id, name }), `enrolled ${describe({ id, name })}`);
  });
}

/** keyhole ctap bio rename */
export async function bioRename(args: Arguments): Promise<number> {
  const [text = "", name = ""] = args.positionals;
  const ids = parseIds(text);
  checkName(name);
  return withBio(args, async (managed) => {
    checkNameLength(name, (await sensorInfo(managed)).maxNameLength);
    const enrollment = await authorised(managed);
    const { id } = await find(enrollment, ids, text);
    await enrollment.rename(id, name);
    return writeOutcome(args, toJson({ id, name }), `renamed ${describe({ id, name })}`);
  });
}

/** keyhole ctap bio delete */
export async function bioDelete(args: Arguments): Promise<number> {
  const [text = ""] = args.positionals;
  const ids = parseIds(text);
  return withBio(args, async (managed) => {
    const enrollment = await authorised(managed);
    const fingerprint = await find(enrollment, ids, text);
    await enrollment.remove(fingerprint.id);
    return writeOutcome(args, { ...toJson(fingerprint), deleted: true }, `deleted ${describe(fingerprint)}`);
  });
}

function withBio(args: Arguments, run: (managed: Managed) => Promise<number>): Promise<number> {
  return withManagedCard(args, { permission: "be", check: bioEnrollmentCommand }, run);
}

function sensorInfo({ ctap2, info }: Managed): ReturnType<BioEnrollment["sensorInfo"]> {
  return new BioEnrollment(ctap2, info).sensorInfo();
}

async function authorised({ ctap2, info, authorise }: Managed): Promise<BioEnrollment> {
  return new BioEnrollment(ctap2, info, await authorise());
}

function tellSample(args: Arguments, { status, remaining }: Sample): void {
  if (args.flag("quiet")) return;
  const left = remaining === 0 ? "done" : `${remaining} to go`;
  say(status === "good" ? left : `${status.replaceAll("-", " ")}, ${left}`);
}

/** @throws {UsageError} USAGE_NAME */
function checkName(name: string): void {
  if (name === "") throw new UsageError("USAGE_NAME", "name of the fingerprint is empty");
}

/** @throws {UsageError} USAGE_NAME */
function checkNameLength(name: string, maxLength: number): void {
  const { length } = encodeUtf8(name);
  if (length > maxLength) throw new UsageError("USAGE_NAME", `name of the fingerprint is ${length} bytes, the card takes at most ${maxLength}`);
}

const HINT_ID = "keyhole ctap bio list shows the ids";

/**
 * The bytes that the text may stand for: those of hexadecimal first. These ids
 * are so short that a text may well be both.
 *
 * @throws {UsageError} USAGE_FINGERPRINT
 */
function parseIds(text: string): readonly Uint8Array[] {
  const ids = [parseHex(text), parseBase64url(text)].filter((id) => id !== undefined).filter(({ length }) => length > 0);
  if (ids.length === 0) throw new UsageError("USAGE_FINGERPRINT", `${JSON.stringify(text)} is neither the id of a fingerprint in hexadecimal nor one in base64url`, { hint: HINT_ID });
  return ids;
}

function parseBase64url(text: string): Uint8Array | undefined {
  try {
    return parseUnpaddedBase64url(text);
  } catch (error) {
    if (error instanceof KeyholeError) return undefined;
    throw error;
  }
}

/** @throws {CtapError} CTAP_NO_FINGERPRINT */
async function find(enrollment: BioEnrollment, ids: readonly Uint8Array[], text: string): Promise<Fingerprint> {
  const fingerprints = await enrollment.fingerprints();
  const [found] = ids.flatMap((wanted) => fingerprints.filter(({ id }) => equalBytes(id, wanted)));
  if (found === undefined) throw new CtapError("CTAP_NO_FINGERPRINT", `card has no fingerprint with the id ${text}`, { kind: "no", hint: HINT_ID });
  return found;
}

function toJson({ id, name }: Fingerprint): object {
  return { id: encodeUnpaddedBase64url(id), name };
}

function describe({ id, name }: Fingerprint): string {
  const shown = encodeUnpaddedBase64url(id);
  return name === undefined ? shown : `${shown}  ${escapeForTerminal(name)}`;
}
