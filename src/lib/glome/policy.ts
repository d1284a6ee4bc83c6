import * as v from "valibot";
import { GlomeError, KeyholeError } from "../errors.ts";
import { jsonObject, parseJson } from "../json.ts";
import type { Request } from "./request.ts";

/** What RFD 001 says a host without a type is. */
const DEFAULT_HOST_TYPE = "hostname";

/** Matching a longer one could take long. */
const Pattern = v.pipe(v.string(), v.maxLength(1024));

const Rule = jsonObject({
  hostType: v.exactOptional(Pattern),
  host: v.exactOptional(Pattern),
  action: v.exactOptional(Pattern),
});

const Policy = jsonObject({ allow: v.array(Rule) });

/** Which requests may be answered: those that fit every field of some rule. */
export type Policy = v.InferOutput<typeof Policy>;

/** @throws {GlomeError} POLICY */
export function parsePolicy(text: string): Policy {
  try {
    return parseJson(Policy, text);
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    throw new GlomeError("POLICY", `policy ${error.message}`, {
      hint: 'a policy is {"allow": [{"hostType": …, "host": …, "action": …}]}, each field a pattern that may be left out',
      cause: error,
    });
  }
}

/** Whether some rule allows the request. A request without a host type is of type `hostname` and of type "". */
export function allows(policy: Policy, request: Request): boolean {
  const hostTypes = request.hostType === "" ? ["", DEFAULT_HOST_TYPE] : [request.hostType];
  return policy.allow.some(
    (rule) =>
      (rule.hostType === undefined || hostTypes.some((hostType) => matchesPattern(rule.hostType ?? "", hostType))) &&
      (rule.host === undefined || matchesPattern(rule.host, request.host)) &&
      (rule.action === undefined || matchesPattern(rule.action, request.action)),
  );
}

/**
 * Whether a pattern covers a whole value; `*` stands for any run of characters,
 * all others for themselves. Time grows with the product of the lengths at
 * worst, whatever the pattern.
 */
export function matchesPattern(pattern: string, value: string): boolean {
  let p = 0;
  let i = 0;
  let star = -1;
  let starEnd = 0;
  while (i < value.length) {
    if (pattern[p] === "*") {
      star = p++;
      starEnd = i;
    } else if (p < pattern.length && pattern[p] === value[i]) {
      p++;
      i++;
    } else if (star >= 0) {
      p = star + 1;
      i = ++starEnd;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}
