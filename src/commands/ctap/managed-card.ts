import { PERMISSION, type PinUvAuthToken } from "../../lib/ctap/client-pin.ts";
import type { Ctap2 } from "../../lib/ctap/ctap2.ts";
import type { GetInfo } from "../../lib/ctap/get-info.ts";
import type { Arguments } from "../arguments.ts";
import type { Card } from "./card.ts";
import { withCtap2 } from "./ctap2-card.ts";
import { authorise } from "./pin-input.ts";

export interface Managed {
  readonly card: Card;
  readonly ctap2: Ctap2;
  /** Of before the command. */
  readonly info: GetInfo;
  /** Gets the token that the command needs; the card's user is asked now. */
  readonly authorise: () => Promise<PinUvAuthToken | undefined>;
}

export interface Need {
  readonly permission: keyof typeof PERMISSION;
  /** Throws where the card cannot do what is wanted; nobody is asked for a PIN then. */
  readonly check: (info: GetInfo) => void;
}

/**
 * Runs a command that changes what is on a card, or lists it.
 *
 * @throws {CtapError} of `check`; as `withCtap2` and `authorise`
 */
export function withManagedCard(args: Arguments, { permission, check }: Need, run: (managed: Managed) => Promise<number>): Promise<number> {
  return withCtap2(args, async (card, ctap2) => {
    const info = await ctap2.getInfo();
    check(info);
    let token: PinUvAuthToken | undefined;
    try {
      return await run({ card, ctap2, info, authorise: async () => (token = await authorise(card, ctap2, args, PERMISSION[permission])) });
    } finally {
      token?.destroy();
    }
  });
}
