import { DialogPeer } from "./dialog-peer.ts";
import { goPeer } from "./installed.ts";
import type { Wish } from "./login.ts";
import type { Party } from "./party.ts";

/** What a service of google/glome's reads out of a challenge, and its answer. */
export interface Response extends Wish {
  readonly authcode: string;
  /** v1: the number by which the challenge asked for a key. */
  readonly asked?: string;
}

export interface ChallengeWords {
  /** Names the service key by index; by its prefix byte where left out. */
  readonly index?: number;
  /** Bytes of message tag. */
  readonly tagPrefix: number;
}

/** A challenge that the Go program made and can check codes for. */
export interface GoChallenge {
  readonly text: string;
  readonly accepts: (code: string) => Promise<boolean>;
}

/** google/glome's Go packages, by way of `test/interop/go`. */
export class GoPeer extends DialogPeer {
  constructor() {
    super(goPeer());
  }

  /** @param ephemeral - private key of the client; v2 makes its own */
  async newChallenge(version: "v1" | "v2", service: Party, wish: Wish, { index, tagPrefix }: ChallengeWords, ephemeral: Uint8Array = new Uint8Array()): Promise<GoChallenge> {
    const { id, challenge } = await this.ask({
      op: `${version}-new`,
      private: Buffer.from(ephemeral).toString("hex"),
      peer: Buffer.from(service.publicKey).toString("hex"),
      ...wish,
      index,
      tagPrefix,
    });
    return {
      text: challenge!,
      accepts: async (code) => (await this.ask({ op: `${version}-check`, id, code })).accepted === "yes",
    };
  }

  /** @param index - of the one key that the service holds */
  async respond(version: "v1" | "v2", service: Party, challenge: string, index = 0): Promise<Response> {
    const { hostType, host, action, authcode, asked } = await this.ask({
      op: `${version}-respond`,
      private: Buffer.from(service.secret).toString("hex"),
      index,
      challenge,
    });
    return { hostType: hostType!, host: host!, action: action!, authcode: authcode!, ...(asked === undefined ? {} : { asked }) };
  }
}
