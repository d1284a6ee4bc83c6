/** GLOME anywhere, on noble: what `keyhole/glome` has, without files, passphrases and the audit. */
export * from "./core.ts";
export { noblePrimitives } from "./noble-primitives.ts";
