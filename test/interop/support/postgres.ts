import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { temporaryDirectory } from "../../support/keyhole.ts";

interface Teardown {
  readonly teardown: (stop: () => void) => unknown;
}

const DEBIAN = "/usr/lib/postgresql";
const TIMEOUT_MS = 60_000;
export const PASSWORD = "sesame-p@ss";

/** A PostgreSQL server with a directory of its own, at a free port of the loopback, that ends with the test. */
export class Postgres {
  readonly #directory: string;
  readonly #port: number;
  readonly #log: string;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.#port = port;
    this.#log = join(directory, "log");
  }

  static async start(t: Teardown): Promise<Postgres> {
    const directory = temporaryDirectory(t);
    const postgres = new Postgres(directory, await freePort());
    writeFileSync(join(directory, "password"), PASSWORD);
    mkdirSync(join(directory, "data"));
    if (process.getuid?.() === 0) run("chown", ["-R", "postgres", directory]);
    chmodSync(directory, 0o700);
    postgres.#run("initdb", ["-D", join(directory, "data"), "-U", "keyhole", "-A", "scram-sha-256", "--pwfile", join(directory, "password"), "--no-sync", "-E", "UTF8", "--locale=C"]);
    postgres.startAgain();
    t.teardown(() => {
      postgres.stop();
    });
    return postgres;
  }

  /** Of a database by that name, made where it is not there. */
  makeDatabase(name: string): string {
    this.query("postgres", `create database ${name}`);
    return this.url(name);
  }

  url(database: string, password = PASSWORD): string {
    return `postgres://keyhole:${encodeURIComponent(password)}@127.0.0.1:${this.#port}/${database}`;
  }

  /** @returns what psql prints */
  query(database: string, sql: string): string {
    return this.#run("psql", ["--no-psqlrc", "-h", "127.0.0.1", "-p", String(this.#port), "-U", "keyhole", "-d", database, "-v", "ON_ERROR_STOP=1", "-At", "-c", sql]);
  }

  /** As a crash, with no goodbye to anybody. */
  stop(): void {
    this.#control("stop", ["-m", "immediate"], false);
  }

  startAgain(): void {
    this.#control("start", ["-l", this.#log, "-o", `-p ${this.#port} -k ${this.#directory} -c listen_addresses=127.0.0.1 -c fsync=off`], true);
  }

  #control(action: string, words: readonly string[], mustWork: boolean): void {
    this.#run("pg_ctl", [action, "-D", join(this.#directory, "data"), "-w", ...words], mustWork);
  }

  /** It refuses to be run by root. */
  #run(program: string, words: readonly string[], mustWork = true): string {
    const command = [postgresProgram(program), ...words];
    const env = { PATH: process.env.PATH ?? "", LC_ALL: "C", PGPASSWORD: PASSWORD };
    return process.getuid?.() === 0 ? run("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", ...command], env, mustWork) : run(command[0] ?? "", command.slice(1), env, mustWork);
  }
}

function run(program: string, words: readonly string[], env: NodeJS.ProcessEnv = process.env, mustWork = true): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, { cwd: "/", env, timeout: TIMEOUT_MS, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  if (error !== undefined) throw error;
  if (mustWork && status !== 0) throw new Error(`${program} ${words.join(" ")} ended with ${String(status)}: ${stderr}`);
  return stdout;
}

/** Debian keeps the server's programs out of the path. */
function postgresProgram(name: string): string {
  const versions = process.env.PATH?.split(delimiter) ?? [];
  for (const directory of versions) if (isThere(directory, name)) return join(directory, name);
  for (const version of listed(DEBIAN).toSorted().reverse()) if (isThere(join(DEBIAN, version, "bin"), name)) return join(DEBIAN, version, "bin", name);
  throw new Error(`${name} of PostgreSQL is not there; run sh scripts/interop-setup.sh first`);
}

function isThere(directory: string, name: string): boolean {
  return listed(directory).includes(name);
}

function listed(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
