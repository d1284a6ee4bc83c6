import type { Compilable, CompiledQuery, Kysely } from "kysely";

/**
 * SQL that is put together once for each query and number of values, as that
 * takes longer than SQLite takes to run it.
 */
export class Statements {
  readonly #compiled = new Map<string, CompiledQuery>();

  /**
   * @param name - of the query, which with the number of values makes out the SQL
   * @param values - in the order in which the query has them
   * @param build - puts the query together, with these values
   */
  async run<Row>(db: Kysely<never>, name: string, values: readonly unknown[], build: () => Compilable<Row>): Promise<readonly Row[]> {
    const key = `${name} ${values.length}`;
    let compiled = this.#compiled.get(key) as CompiledQuery<Row> | undefined;
    if (compiled === undefined) {
      compiled = build().compile();
      if (compiled.parameters.length !== values.length || compiled.parameters.some((value, i) => value !== values[i])) throw new RangeError(`values of the query ${name} are in another order`);
      this.#compiled.set(key, compiled);
    }
    const { rows } = await db.executeQuery<Row>({ ...compiled, parameters: values });
    return rows;
  }
}

const MAX_AT_ONCE = 64;

/** Cuts a list into lists of few different lengths: powers of two, each of which has its own SQL. */
export function inChunks<T>(values: readonly T[]): readonly (readonly T[])[] {
  const chunks: (readonly T[])[] = [];
  let offset = 0;
  while (offset < values.length) {
    let length = MAX_AT_ONCE;
    while (length > values.length - offset) length /= 2;
    chunks.push(values.slice(offset, offset + length));
    offset += length;
  }
  return chunks;
}
