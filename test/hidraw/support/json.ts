import assert from "node:assert/strict";
import type { Outcome } from "./programs.ts";

/** What keyhole prints with --json, as far as the tests look at it. */
export interface Listed {
  readonly devices: readonly { readonly path: string; readonly kind: string; readonly serial: string; readonly access: string; readonly udevRule?: string }[];
}

export interface Probed {
  readonly device: { readonly path?: string };
  readonly steps: readonly { readonly name: string; readonly state: string; readonly ms: number }[];
  readonly diagnosis: { readonly code: string; readonly message: string; readonly hint: string };
  readonly warnings: readonly { readonly code: string }[];
}

/** Sees that a command has failed as expected. */
export function assertError({ status, stdout, stderr }: Outcome, expectedStatus: number, expectedCode: string): { readonly message: string; readonly hint?: string } {
  assert.equal(status, expectedStatus, stdout + stderr);
  const { error } = JSON.parse(stdout) as { readonly error: { readonly code: string; readonly message: string; readonly hint?: string } };
  assert.equal(error.code, expectedCode, stderr);
  return error;
}

/** Sees what a probe found, and that it took no longer than it may. */
export function assertProbed({ status, stdout, stderr }: Outcome, expectedStatus: number, expectedCode: string): Probed {
  const probed = JSON.parse(stdout) as Probed;
  assert.equal(probed.diagnosis.code, expectedCode, stdout + stderr);
  assert.equal(status, expectedStatus);
  const totalMs = probed.steps.reduce((sum, { ms }) => sum + ms, 0);
  assert.ok(totalMs < MAX_PROBE_MS, `probe took ${totalMs} ms`);
  return probed;
}

const MAX_PROBE_MS = 10_000;
