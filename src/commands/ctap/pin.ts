import { wipe } from "../../lib/bytes.ts";
import { checkHasNoPin, checkHasPin, checkPinLength, checkPinSupport, ClientPin } from "../../lib/ctap/client-pin.ts";
import type { Ctap2 } from "../../lib/ctap/ctap2.ts";
import { hasOption } from "../../lib/ctap/get-info.ts";
import { triesLeft } from "../../lib/ctap/pin-retries.ts";
import { unsupported } from "../../lib/ctap/unsupported.ts";
import type { Arguments } from "../arguments.ts";
import type { Card } from "./card.ts";
import { withCtap2 } from "./ctap2-card.ts";
import { writeOutcome } from "./outcome.ts";
import { readPinFile } from "./pin-file.ts";
import { checkCanPrompt, promptNewPin, protocolOption, withPin } from "./pin-input.ts";

/** keyhole ctap pin set */
export function pinSet(args: Arguments): Promise<number> {
  return withNewPin(args, async (_card, ctap2, newPin) => {
    checkHasNoPin(await ctap2.getInfo());
    await newPin((pin) => new ClientPin(ctap2, protocolOption(args)).setPin(pin));
    return writeOutcome(args, { set: true }, "PIN is set");
  });
}

/** keyhole ctap pin change */
export function pinChange(args: Arguments): Promise<number> {
  return withNewPin(args, async (card, ctap2, newPin) => {
    checkHasPin(await ctap2.getInfo());
    const clientPin = new ClientPin(ctap2, protocolOption(args));
    await withPin(card, clientPin, args, (pin) => newPin((next) => clientPin.changePin(pin, next)));
    return writeOutcome(args, { changed: true }, "PIN is changed");
  });
}

/** keyhole ctap pin retries */
export function pinRetries(args: Arguments): Promise<number> {
  return withCtap2(args, async (_card, ctap2) => {
    checkPinSupport(await ctap2.getInfo());
    const { retries, needsPowerCycle } = await new ClientPin(ctap2).retries();
    const blocked = retries === 0 ? "; the PIN is blocked, and only a reset makes the card usable again" : needsPowerCycle ? "; the card takes no PIN until it was without power" : "";
    return writeOutcome(args, { retries, needsPowerCycle }, `${triesLeft(retries)}${blocked}`);
  });
}

/** keyhole ctap uv-retries */
export function uvRetries(args: Arguments): Promise<number> {
  return withCtap2(args, async (_card, ctap2) => {
    if (!hasOption(await ctap2.getInfo(), "uv")) throw unsupported("verify its user itself", "the option uv set");
    const retries = await new ClientPin(ctap2).uvRetries();
    return writeOutcome(args, { retries }, `${triesLeft(retries)}${retries === 0 ? "; the card wants its PIN now" : ""}`);
  });
}

/** Does something with the new PIN, which is asked for then unless a file has it. */
type WithNewPin = (use: (pin: Uint8Array) => Promise<void>) => Promise<void>;

/** A PIN from a file is read before anything is sent, and before another PIN is tried its length is checked. */
async function withNewPin(args: Arguments, run: (card: Card, ctap2: Ctap2, newPin: WithNewPin) => Promise<number>): Promise<number> {
  const fromFile = args.optional("new-pin-file") === undefined ? undefined : readPinFile(args, "new-pin-file");
  if (fromFile === undefined) checkCanPrompt("a new PIN is needed", "give --new-pin-file FILE");
  try {
    return await withCtap2(args, async (card, ctap2) => {
      if (fromFile !== undefined) checkPinLength(fromFile, await ctap2.getInfo());
      return run(card, ctap2, async (use) => {
        const pin = fromFile ?? (await promptNewPin(card));
        try {
          await use(pin);
        } finally {
          wipe(pin);
        }
      });
    });
  } finally {
    if (fromFile !== undefined) wipe(fromFile);
  }
}
