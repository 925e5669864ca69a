import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Chance that can be repeated. */
export interface Random {
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  /** True in a share of the cases, from 0 to 1. */
  chance(share: number): boolean;
  /** One of the values, each as likely as its weight. Throws RangeError when there is none. */
  weighted<T>(values: readonly (readonly [weight: number, value: T])[]): T;
  /** The values in another order. */
  shuffled<T>(values: readonly T[]): T[];
}

/** The same seed gives the same chances. Takes a whole number. */
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
      if (last === undefined) throw new RangeError("there is nothing to choose from");
      return last[1];
    },
    shuffled(values) {
      const rest = [...values];
      return values.flatMap(() => rest.splice(int(0, rest.length - 1), 1));
    },
  };
}
