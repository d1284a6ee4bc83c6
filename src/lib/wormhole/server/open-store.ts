import type { Store } from "./store.ts";

/**
 * Opens what `--db` names. Each kind of database is loaded only where it is wanted.
 *
 * @param db - `:memory:`, the path of an SQLite file, or a `postgres://` URL
 * @throws {WormholeError} WORMHOLE_STORE…; {FileError} FILE_READ
 */
export async function openStore(db: string): Promise<Store> {
  if (/^postgres(?:ql)?:/i.test(db)) {
    const { openPostgres } = await import("./postgres.ts");
    return openPostgres(db);
  }
  const { openSqlite } = await import("./sqlite.ts");
  return openSqlite(db);
}
