import { startDialog, type AcceptOutcome, type AcceptStep, type DialogEvent, type DialogState, type Format, type IssueOutcome, type IssueStep } from "../../../../src/lib/invite/formats/format.ts";
import { encodeUtf8, parseUtf8 } from "../../../../src/lib/text.ts";

// Plays one side of a dialog by a list of what it is told.

/** A message of the other side, as JSON or as text. */
export function message(value: unknown): DialogEvent {
  return { type: "message", plaintext: encodeUtf8(typeof value === "string" ? value : JSON.stringify(value)) };
}

export const stored = (index: number): DialogEvent => ({ type: "stored", index });
export const verified = (appVersions: unknown = {}): DialogEvent => ({ type: "verified", appVersions });
export const written: DialogEvent = { type: "written" };

/** What came of it all: messages sent, as text. */
interface Played<Outcome> {
  readonly sent: readonly string[];
  readonly payload: string | undefined;
  readonly outcome: Outcome | undefined;
}

type Step<Outcome> = Pick<AcceptStep, "state" | "send" | "payload"> & { readonly outcome?: Outcome };

/** Each state goes through JSON, as it does when another process goes on. */
function play<Outcome>(step: (state: DialogState, event: DialogEvent) => Step<Outcome>, payload: string, events: readonly DialogEvent[]): Played<Outcome> {
  let state = startDialog(payload);
  const sent: string[] = [];
  let received: string | undefined;
  for (const event of events) {
    const next = step(JSON.parse(JSON.stringify(state)) as DialogState, event);
    state = next.state;
    sent.push(...next.send.map((plaintext) => parseUtf8(plaintext, "message")));
    received ??= next.payload;
    if (next.outcome !== undefined) return { sent, payload: received, outcome: next.outcome };
  }
  return { sent, payload: received, outcome: undefined };
}

export function playIssuer(format: Format, payload: string, ...events: readonly DialogEvent[]): Played<IssueOutcome> {
  return play((state, event): IssueStep => format.issue(state, event), payload, events);
}

export function playReceiver(format: Format, answer: string, ...events: readonly DialogEvent[]): Played<AcceptOutcome> {
  return play((state, event): AcceptStep => format.accept(state, event), answer, events);
}

/** Both sides over a perfect wormhole, which stores what it gets and writes at once. */
export function playBoth(format: Format, payload: string, answer = ""): { readonly issuer: IssueOutcome | undefined; readonly receiver: AcceptOutcome | undefined; readonly payload: string | undefined } {
  const toIssuer: DialogEvent[] = [verified(format.appVersions)];
  const toReceiver: DialogEvent[] = [verified(format.appVersions)];
  let [issuing, accepting] = [startDialog(payload), startDialog(answer)];
  let issuer: IssueOutcome | undefined;
  let receiver: AcceptOutcome | undefined;
  let received: string | undefined;
  let [issuerCount, receiverCount] = [0, 0];
  while (toIssuer.length + toReceiver.length > 0) {
    const event = toIssuer.shift();
    if (event !== undefined && issuer === undefined) {
      const step = format.issue(issuing, event);
      issuing = step.state;
      issuer = step.outcome;
      for (const plaintext of step.send) {
        toReceiver.push({ type: "message", plaintext });
        toIssuer.push(stored(issuerCount++));
      }
    }
    const other = toReceiver.shift();
    if (other !== undefined && receiver === undefined) {
      const step = format.accept(accepting, other);
      accepting = step.state;
      receiver = step.outcome;
      if (step.payload !== undefined) {
        received = step.payload;
        toReceiver.unshift(written);
      }
      for (const plaintext of step.send) {
        toIssuer.push({ type: "message", plaintext });
        toReceiver.push(stored(receiverCount++));
      }
    }
  }
  return { issuer, receiver, payload: received };
}
