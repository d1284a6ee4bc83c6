/**
 * The options of a test that runs beside others. Each test must get an object
 * of its own: tap keeps the results in it, and tests that share one show, and
 * count, the assertions of whichever ends first.
 */
export function together(): { readonly buffered: true } {
  return { buffered: true };
}
