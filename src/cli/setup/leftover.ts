import type { ResourceKind } from "./resource.ts";

/** A part of an installation that exists, and what teardown does with it. */
export type Leftover = {
  readonly kind: ResourceKind | "target" | "tag";
  readonly name: string;
  readonly arn: string | null;
} & (
  | {
      readonly fate: "remove";
      /** The consequences of the removal, for the confirmation. */
      readonly losses: readonly string[];
      undo(): Promise<void>;
    }
  /** Kept; setup's changes to it are reverted. */
  | { readonly fate: "restore"; readonly what: string; undo(): Promise<void> }
  /** Kept: setup did not create it, or ("wait") it cannot be removed yet. */
  | { readonly fate: "leave" | "wait"; readonly why: string }
);

/** The reason to keep a resource that has one of setup's names. */
export const NOT_OURS = "not created by setup: it does not have the tag ec2-audit=setup";
