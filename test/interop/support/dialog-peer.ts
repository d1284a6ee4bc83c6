import { LinePeer } from "./line-peer.ts";

export interface TagRequest {
  /** Ours: 32 bytes. */
  readonly secret: Uint8Array;
  /** The other side's public key: 32 bytes. */
  readonly peer: Uint8Array;
  readonly message: Uint8Array | string;
  readonly counter?: number;
}

function hex(bytes: Uint8Array | string): string {
  return Buffer.from(bytes).toString("hex");
}

function encode({ secret, peer, message, counter = 0 }: TagRequest): Record<string, string | number> {
  return { private: hex(secret), peer: hex(peer), message: hex(message), counter };
}

/** The GLOME protocol itself, as both pyglome and google/glome's Go package offer it. */
export class DialogPeer extends LinePeer {
  async publicKey(secret: Uint8Array): Promise<Buffer> {
    return Buffer.from((await this.ask({ op: "public", private: hex(secret) })).public!, "hex");
  }

  /** @returns the 32-byte tag over a message of ours */
  async tag(request: TagRequest): Promise<Buffer> {
    return Buffer.from((await this.ask({ op: "tag", ...encode(request) })).tag!, "hex");
  }

  /** @param minLength - fewest bytes of a tag to accept */
  async accepts(tag: Uint8Array, minLength: number, request: TagRequest): Promise<boolean> {
    return (await this.ask({ op: "check", tag: hex(tag), minLength, ...encode(request) })).accepted === "yes";
  }
}
