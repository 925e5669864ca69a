import type { ResourceKind } from "./resource.ts";

/** Something of an installation that is there, and what becomes of it. */
export type Leftover = {
  readonly kind: ResourceKind | "target" | "tag";
  readonly name: string;
  readonly arn: string | null;
} & (
  | {
      readonly fate: "remove";
      /** What is lost with it, for the question; empty when nothing is. */
      readonly losses: readonly string[];
      undo(): Promise<void>;
    }
  /** It stays, and what setup changed is undone. */
  | { readonly fate: "restore"; readonly what: string; undo(): Promise<void> }
  /** It stays: setup has not made it, or ("wait") it cannot be removed yet. */
  | { readonly fate: "leave" | "wait"; readonly why: string }
);

/** Why something that has one of setup's names stays. */
export const NOT_OURS = "setup has not made it: it does not have the tag ec2-audit=setup";
