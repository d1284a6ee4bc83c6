import type { Challenge } from "../lib/glome/challenge.ts";
import { describeKeyHint } from "../lib/glome/key-ring.ts";
import { escapeForTerminal } from "../lib/text.ts";

/** One line of the request as a person reads it. */
export interface RequestLine {
  readonly label: string;
  readonly text: string;
  /** `main`: what the decision is about. `odd`: worth a second look. */
  readonly weight: "main" | "plain" | "odd";
}

/**
 * Who asks for what.
 *
 * @param key - name of the key that answers; nothing where none was chosen
 */
export function describeRequest(challenge: Challenge, key: string | undefined): readonly RequestLine[] {
  const { request, version, keyHint, messageTagPrefix, oddities } = challenge;
  const tagLength = messageTagPrefix.length;
  const tagged = tagLength === 0 ? "none" : `${tagLength} byte${tagLength === 1 ? "" : "s"}${key === undefined ? "" : ", matches"}`;
  return [
    { label: "Protocol", text: `GLOME Login ${version}`, weight: "plain" },
    { label: "Host type", text: request.hostType === "" ? "none given: host name" : escapeForTerminal(request.hostType), weight: "plain" },
    { label: "Host", text: escapeForTerminal(request.host), weight: "main" },
    { label: "Action", text: request.action === "" ? "(empty)" : escapeForTerminal(request.action), weight: "main" },
    { label: "Key", text: key === undefined ? `the one ${describeKeyHint(keyHint)}` : `${escapeForTerminal(key)}, asked for the one ${describeKeyHint(keyHint)}`, weight: "plain" },
    { label: "Message tag", text: tagged, weight: "plain" },
    ...oddities.map(({ message }): RequestLine => ({ label: "Unusual", text: message, weight: "odd" })),
  ];
}

/** The same for a program. */
export function requestFields(challenge: Challenge): Record<string, unknown> {
  const { request, version, keyHint, messageTagPrefix, oddities } = challenge;
  return { protocol: version, ...request, keyHint, messageTagLength: messageTagPrefix.length, unusual: oddities };
}
