import { CliError } from "../cli-error.ts";
import { explain } from "../explain.ts";

/**
 * Does the same with each, one after the other.
 * @throws what `work` throws for the first; for a later one a CliError, which says as well that what was done stays
 */
export async function oneByOne<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  for (const [index, each] of all.entries()) {
    try {
      await work(each);
    } catch (error) {
      if (index === 0) throw error;
      const { message, hint } = explain(error);
      throw new CliError(message, `${hint ? `${hint}\n` : ""}What was done stays; run it again to go on.`);
    }
  }
}
