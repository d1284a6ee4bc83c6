import { Ctap2 } from "../../lib/ctap/ctap2.ts";
import { CtapError } from "../../lib/errors.ts";
import type { Arguments } from "../arguments.ts";
import { withCard, type Card } from "./card.ts";

/**
 * Runs a command with a card that has CTAP2.
 *
 * @throws {CtapError} CTAP_U2F_ONLY; as `withCard`
 */
export function withCtap2<T>(args: Arguments, run: (card: Card, ctap2: Ctap2) => Promise<T>): Promise<T> {
  return withCard(args, async (card) => {
    if (!card.device.init.capabilities.cbor) {
      throw new CtapError("CTAP_U2F_ONLY", "card has CTAP1 (U2F) alone, and this needs CTAP2", { kind: "outside", hint: "keyhole ctap info shows what it has" });
    }
    return run(card, new Ctap2(card.device, card.transact));
  });
}
