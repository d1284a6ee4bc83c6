import { readVectors } from "./vectors.ts";

interface Framing {
  readonly valid: readonly {
    readonly name: string;
    readonly cid: string;
    readonly cmd: number;
    readonly payload: string;
    readonly reports: readonly string[];
  }[];
  readonly invalid: readonly {
    readonly name: string;
    readonly payload_length?: number;
    readonly reports?: readonly string[];
    readonly response?: readonly string[];
  }[];
}

export const FRAMING = readVectors("framing") as Framing;
