import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** The choices of one case: the same for the same seed and number of the case. */
export interface Random {
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
  /** One of some things. Throws when there is none. */
  pick<T>(from: readonly T[]): T;
  /** True once in so many times. */
  oneIn(times: number): boolean;
}

/** Takes the seed of the run and the number of the case. */
export function randomOf(seed: number, number: number): Random {
  const generator = xoroshiro128plus(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  // Neighbouring seeds begin alike.
  for (let skipped = 0; skipped < 8; skipped += 1) generator.next();
  const below = (limit: number) => uniformInt(generator, 0, limit - 1);
  return {
    below,
    pick(from) {
      const index = below(from.length);
      const picked = from[index];
      if (picked === undefined && index >= from.length) throw new Error("there is nothing to pick from");
      return picked as (typeof from)[number];
    },
    oneIn: (times) => below(times) === 0,
  };
}
