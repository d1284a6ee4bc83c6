import { concatBytes } from "../../bytes.ts";
import { cborMap, encodeCbor, type CborValue } from "../cbor.ts";
import { STATUS } from "./refusal.ts";

const OK = Uint8Array.of(STATUS.ok);

/** CTAP2_OK with nothing more. */
export function ok(): Uint8Array {
  return Uint8Array.of(STATUS.ok);
}

/** CTAP2_OK and a map; entries whose value is undefined are left out. */
export function okMap(...entries: readonly (readonly [CborValue, CborValue])[]): Uint8Array {
  return concatBytes(OK, encodeCbor(cborMap(...entries)));
}
