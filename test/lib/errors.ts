import { KeyholeError } from "../../src/lib/errors.ts";

/** The code of the error that a function throws on purpose; nothing where it throws none. Any other error is a bug. */
export function errorCode(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof KeyholeError) return error.code;
    throw error;
  }
}

/** The same for what takes its time. */
export async function errorCodeOf(result: Promise<unknown>): Promise<string | undefined> {
  try {
    await result;
    return undefined;
  } catch (error) {
    if (error instanceof KeyholeError) return error.code;
    throw error;
  }
}
