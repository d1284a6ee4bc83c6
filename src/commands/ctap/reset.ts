import { formatIds, listHidInterfaces } from "../../lib/ctap/hid-interfaces.ts";
import { isStatus } from "../../lib/ctap/status.ts";
import { CtapError, Interrupted, UsageError } from "../../lib/errors.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { canPrompt, say } from "../io.ts";
import type { Card } from "./card.ts";
import { withCtap2 } from "./ctap2-card.ts";
import { writeOutcome } from "./outcome.ts";

const NOT_ALLOWED = 0x30;

/** keyhole ctap reset */
export function reset(args: Arguments): Promise<number> {
  const isAgreed = args.flag("yes");
  if (!isAgreed && !canPrompt()) throw new UsageError("USAGE_CONFIRM", "reset erases the card, and there is no terminal to ask at", { hint: "give --yes if that is meant" });
  return withCtap2(args, async (card, ctap2) => {
    const product = await productOf(card.device.transport.name);
    if (!isAgreed) await confirm(card, product);
    try {
      await ctap2.reset();
    } catch (error) {
      throw isStatus(error, NOT_ALLOWED) && error instanceof CtapError ? tooLate(error) : error;
    }
    return writeOutcome(args, { reset: true, product }, `${escapeForTerminal(product)} is erased`);
  });
}

async function confirm({ transact }: Card, product: string): Promise<void> {
  say(`warning: this erases ${escapeForTerminal(product)}: every credential, fingerprint, large blob and the PIN; what they gave access to is lost`);
  say("most cards allow it only within 10 s of being plugged in, and want a touch then");
  const { promptLine } = await import("../../lib/terminal/prompt.ts");
  const answer = await promptLine(`Type ${escapeForTerminal(product)} to go on: `, transact.signal);
  if (answer === undefined) throw new Interrupted();
  if (answer.trim() !== product.trim()) throw new CtapError("DECLINED", "that is not the product's name; nothing was erased", { kind: "no" });
}

function tooLate(error: CtapError): CtapError {
  return new CtapError(error.code, error.message, { kind: error.kind, hint: "most cards allow a reset only within 10 s of being plugged in: plug it in again and run this at once, with --yes" });
}

/** As the device calls itself; of a card that is no HID device, where it is. */
async function productOf(name: string): Promise<string> {
  if (!name.startsWith("hidraw:")) return name;
  const path = name.slice("hidraw:".length);
  const found = (await listHidInterfaces()).find((one) => one.path === path);
  return found === undefined ? name : (found.product ?? formatIds(found));
}
