/** What both builds of the library share. */
export { GlomeError, KeyholeError, type ErrorKind } from "../errors.ts";
export { byteString, escapeForTerminal, type ByteString } from "../text.ts";
export { parseChallengeText, type Challenge } from "./challenge.ts";
export { checkAuthcode, encodeState, makeChallenge, parseState, type ChallengeOptions, type PendingChallenge } from "./challenger.ts";
export { Dialog } from "./dialog.ts";
export type { KeyHint, Version } from "./handshake.ts";
export { KeyRing, parseKeyName, type KeyName, type KeyRingEntry } from "./key-ring.ts";
export { encodePublicKey, encodePublicKeyHex, encodePublicKeyPem, parsePublicKeyFile, parsePublicKeyLine } from "./key-text.ts";
export { PrivateKey } from "./private-key.ts";
export { PublicKey } from "./public-key.ts";
export { readLoginConfig, type Finding, type LoginConfig, type Severity } from "./login-config.ts";
export { encodePrivatePem } from "./pem.ts";
export { allows, parsePolicy, type Policy } from "./policy.ts";
export type { Mac, Primitives, X25519PrivateKey } from "./primitives.ts";
export type { Oddity, Request } from "./request.ts";
export { grant, type Grant } from "./responder.ts";
export { comparedBits, matchesTag, parsePaddedTagPrefix, parseTagPrefix, type TagPrefix } from "./tag-text.ts";
