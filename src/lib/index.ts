/** Keyhole's library: one namespace for each thing it can do. */
export { KeyholeError, type ErrorKind } from "./errors.ts";
export * as glome from "./glome/index.ts";
export * as ctap from "./ctap/index.ts";
export * as wormhole from "./wormhole/index.ts";
export * as invite from "./invite/index.ts";
