/** GLOME for Node: keys, tags and GLOME Login, on `node:crypto`. */
export * from "./core.ts";
export { nodePrimitives } from "./node-primitives.ts";
export { encodeEncryptedPem } from "./encrypted-pem.ts";
export { isEncryptedKeyFile, parsePrivateKeyFile } from "./private-key-file.ts";
export { EMPTY_CHAIN_HASH, encodeAuditLine, nextInChain, EMPTY_CHAIN, type AuditEvent, type ChainEnd } from "./audit.ts";
export { appendAudit, verifyAudit, type AuditReport } from "./audit-log.ts";
