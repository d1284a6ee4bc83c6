import { hasOption, supportsOption, type GetInfo } from "../../lib/ctap/get-info.ts";
import { HMAC_SECRET } from "../../lib/ctap/hmac-secret.ts";
import { unsupported } from "../../lib/ctap/unsupported.ts";
import { CtapError, UsageError } from "../../lib/errors.ts";
import type { Arguments } from "../arguments.ts";
import type { CtapDevice } from "../../lib/ctap/device.ts";

// What make-credential and get-assertion may ask of a card that it does not have.

/**
 * Whether CTAP1 is to be used: where that is asked for, or the card has nothing else.
 *
 * @throws {UsageError} USAGE_U2F; {CtapError} CTAP_U2F_ONLY, CTAP_UNSUPPORTED
 */
export function usesCtap1(args: Arguments, { init: { capabilities } }: CtapDevice): boolean {
  if (capabilities.cbor && !args.flag("u2f")) return false;
  checkCtap1Options(args);
  if (!capabilities.msg) throw unsupported("use CTAP1", "it: INIT says so");
  return true;
}

/** Options of either command that CTAP1 has no counterpart of. */
const CTAP2_ONLY = ["discoverable", "cred-protect", "hmac-secret", "large-blob-key", "enterprise"];

/** @throws {UsageError} USAGE_U2F; {CtapError} CTAP_U2F_ONLY */
export function checkCtap1Options(args: Arguments): void {
  const name = CTAP2_ONLY.find((name) => args.isGiven(name));
  if (name !== undefined) throw needsCtap2(args, `--${name}`);
  if (args.required("uv") === "required") throw needsCtap2(args, "--uv required");
}

/**
 * Where the command line asks for CTAP1, the command line is wrong; otherwise
 * it is the card that cannot.
 *
 * @param what - of the command line
 */
export function needsCtap2(args: Arguments, what: string, hint?: string): UsageError | CtapError {
  if (args.flag("u2f")) return new UsageError("USAGE_U2F", `${what} needs CTAP2, and does not go with --u2f`, { hint: hint ?? args.usageHint });
  return new CtapError("CTAP_U2F_ONLY", `${what} needs CTAP2, and the card has CTAP1 (U2F) alone`, { kind: "outside", hint: hint ?? "do without it, or use a card that has CTAP2" });
}

/**
 * @param args - of make-credential
 * @param algorithms - that are asked for
 * @throws {CtapError} CTAP_UNSUPPORTED, CTAP_ENTERPRISE
 */
export function checkCanMake(args: Arguments, info: GetInfo, algorithms: readonly number[], excluded: number): void {
  const offered = info.algorithms.map(({ alg }) => alg);
  if (offered.length > 0 && !algorithms.some((alg) => offered.includes(alg))) throw unsupported("sign by the algorithms of --alg", "any of them");
  if (args.flag("discoverable") && !hasOption(info, "rk")) throw unsupported("keep credentials", "the option rk");
  if (args.isGiven("cred-protect")) checkExtension(info, "credProtect", "protect credentials");
  if (args.flag("hmac-secret")) checkExtension(info, HMAC_SECRET, "derive secrets");
  if (args.flag("large-blob-key")) checkExtension(info, "largeBlobKey", "give keys for large blobs");
  if (args.isGiven("enterprise")) checkEnterprise(info);
  checkListLength(info, excluded);
}

/**
 * @param args - of get-assertion
 * @throws {CtapError} CTAP_UNSUPPORTED
 */
export function checkCanAssert(args: Arguments, info: GetInfo, allowed: number): void {
  if (args.isGiven("hmac-secret")) checkExtension(info, HMAC_SECRET, "derive secrets");
  if (args.flag("large-blob-key")) checkExtension(info, "largeBlobKey", "give keys for large blobs");
  checkListLength(info, allowed);
}

function checkExtension({ extensions }: GetInfo, name: string, action: string): void {
  if (!extensions.includes(name)) throw unsupported(action, `the extension ${name}`);
}

function checkEnterprise(info: GetInfo): void {
  if (!supportsOption(info, "ep")) throw unsupported("attest to an enterprise", "the option ep");
  if (!hasOption(info, "ep")) {
    throw new CtapError("CTAP_ENTERPRISE", "enterprise attestation is not enabled on the card", { kind: "no", hint: "keyhole ctap config enterprise-attestation on enables it" });
  }
}

function checkListLength({ maxCredentialCountInList: max }: GetInfo, count: number): void {
  if (max !== undefined && count > max) throw unsupported(`take ${count} credentials in one list`, `room for more than ${max}`);
}
