/** The longest frame that the attacked server takes, in bytes. */
export const MAX_MESSAGE = 64 * 1024;
