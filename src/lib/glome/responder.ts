import { encodeBase64url } from "../base64url.ts";
import { GlomeError } from "../errors.ts";
import type { Challenge } from "./challenge.ts";
import type { ChosenKey, KeyRing } from "./key-ring.ts";
import { allows, type Policy } from "./policy.ts";

/** A challenge that may be answered, before it is. */
export interface Grant {
  readonly challenge: Challenge;
  /** Name of the key that answers. */
  readonly key: string;
  /** Whether the challenge carried a message tag, which then matches. */
  readonly hasMessageTag: boolean;
  /** @returns the whole authcode, 44 characters of base64url */
  readonly authcode: () => string;
}

/**
 * The operator's side of GLOME Login.
 *
 * @throws {GlomeError} POLICY_REFUSED and what `KeyRing.choose` throws
 */
export async function grant(challenge: Challenge, keyRing: KeyRing, policy: Policy | undefined): Promise<Grant> {
  const chosen = await keyRing.choose(challenge);
  checkPolicy(challenge, policy);
  return {
    challenge,
    key: chosen.name,
    hasMessageTag: challenge.messageTagPrefix.length > 0,
    authcode: () => authcode(challenge, chosen),
  };
}

/** @throws {GlomeError} POLICY_REFUSED */
function checkPolicy(challenge: Challenge, policy: Policy | undefined): void {
  if (policy === undefined) return;
  if (challenge.version === "v1" && challenge.request.host.includes("/")) {
    // The machine tags the same for a shorter host with a longer action, which
    // the policy may not allow; whoever passes the challenge on can escape the
    // slash between them.
    throw new GlomeError("POLICY_REFUSED", "a v1 host with a slash cannot be told from a part of the action, so no policy can allow it", {
      kind: "no",
      hint: "let the machine use GLOME Login v2",
    });
  }
  if (allows(policy, challenge.request)) return;
  throw new GlomeError("POLICY_REFUSED", "policy has no rule that allows this request", {
    kind: "no",
    hint: "ask the one who keeps the policy; no authcode was made",
  });
}

/** The client's counters are fixed at 0. Source: docs/glome-login.md, "Implementation" and "Response format". */
function authcode(challenge: Challenge, { dialog }: ChosenKey): string {
  return encodeBase64url(dialog.tag(challenge.tagged));
}
