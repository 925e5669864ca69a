import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A generator of repeatable random values. */
export interface Random {
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  /** Returns true with a probability from 0 to 1. */
  chance(share: number): boolean;
  /** Returns one of the values by weight. Throws RangeError when there is none. */
  weighted<T>(values: readonly (readonly [weight: number, value: T])[]): T;
  /** Returns the values in random order. */
  shuffled<T>(values: readonly T[]): T[];
}

/** Creates a generator from a seed, a whole number. The same seed gives the same values. */
export function randomOf(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  const int = (min: number, max: number) => uniformInt(generator, min, max);
  return {
    int,
    chance: (share) => uniformFloat64(generator) < share,
    weighted(values) {
      let left = uniformFloat64(generator) * values.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, value] of values) {
        left -= weight;
        if (left < 0) return value;
      }
      const last = values.at(-1);
      if (last === undefined) throw new RangeError("there is no value to choose from");
      return last[1];
    },
    shuffled(values) {
      const rest = [...values];
      return values.flatMap(() => rest.splice(int(0, rest.length - 1), 1));
    },
  };
}
