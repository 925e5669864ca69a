import { CliError } from "../cli-error.ts";
import { explain } from "../explain.ts";

/**
 * Runs `work` for each item, one after the other.
 * Throws what `work` throws for the first item; for a later item a CliError that adds how to continue.
 */
export async function oneByOne<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  for (const [index, each] of all.entries()) {
    try {
      await work(each);
    } catch (error) {
      if (index === 0) throw error;
      const { message, hint } = explain(error);
      throw new CliError(
        message,
        `${hint ? `${hint}\n` : ""}The completed steps are kept. Run the command again to continue.`,
      );
    }
  }
}
