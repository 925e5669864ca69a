import type { FactName, Facts } from "../facts/facts.ts";
import type { Instance } from "../facts/instances.ts";
import { type Condition, NO_INSTANCE } from "./condition.ts";
import { type Fields, object, type Setting, type ValuesOf } from "./settings.ts";

/** The severities, in ascending order. */
export const SEVERITIES = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** `alert`: judged at launches and in reports. `report`: only in reports, so that a new rule can be watched first. */
export const MODES = ["alert", "report"] as const;
export type Mode = (typeof MODES)[number];

/**
 * When the facts of a rule settle. `at-launch`: they never change, or are dangerous at once. `soon`: what launched the instance
 * may still correct them, within the grace. `when-running`: they look compliant too early, so a `pending` instance is not judged.
 */
export type Settles = "at-launch" | "soon" | "when-running";

/** How an instance violates a rule. */
export interface Violation {
  /** The problem, in one sentence without a full stop. */
  readonly message: string;
  /**
   * The problem in a few words, to follow an instance's name or a number of instances: `lacks tag owner`. A subject may show only
   * the first 18 characters.
   */
  readonly summary: (instances: number) => string;
  /**
   * What to do, as an imperative without a full stop: `Set the tag "owner" on web-1`. Takes an instance's name or `2 instances`. The
   * remedy says how.
   */
  readonly action: (affected: string) => string;
  /**
   * How to fix these instances of a region: commands or sentences, in lines of at most 66 columns where possible. Violations
   * whose remedies differ only in the instance ids share one remedy.
   */
  readonly remedy: (instanceIds: readonly string[], region: string) => readonly string[];
  /** The problem for programs. These become fields of the alert's finding. */
  readonly details: Readonly<Record<string, readonly string[]>>;
}

/** The result of a rule's check. `because` is the fact that decided it, in one sentence without a full stop. */
export type Judgement =
  | { readonly kind: "compliant"; readonly because: string }
  | { readonly kind: "violation"; readonly violation: Violation }
  | {
      readonly kind: "not-judged";
      readonly because: string;
      /** Whether EC2 may still show the missing fact. */
      readonly late: boolean;
    };

/** Returns the judgement of an instance that complies. */
export function compliant(because: string): Judgement {
  return { kind: "compliant", because };
}

/** Returns the judgement of an instance that violates the rule. */
export function violates(violation: Violation): Judgement {
  return { kind: "violation", violation };
}

/** Returns the judgement of an instance that cannot be judged. */
export function notJudged(because: string, late = false): Judgement {
  return { kind: "not-judged", because, late };
}

/** Returns the check of a rule that needs the instance. */
export function ofInstance(check: (instance: Instance, facts: Facts, now: number) => Judgement): RuleBody["check"] {
  return (facts, now) => (facts.instance === null ? notJudged(NO_INSTANCE.unknown) : check(facts.instance, facts, now));
}

/** The part of a rule that depends on its kind. */
export interface RuleBody {
  /** The facts that `check` uses. Only facts that a rule of the policy needs are read from AWS. */
  readonly needs: readonly FactName[];
  /** When its facts settle, if that depends on the settings. */
  readonly settles?: Settles;
  /** Judges an instance. `now` is in milliseconds since 1970. */
  check(facts: Facts, now: number): Judgement;
  /** Returns whether the old value of a tag, which the event of a change does not have, may have violated the rule. Default: no. */
  readonly mayHaveViolated?: (key: string, isDeleted: boolean) => boolean;
}

/** A rule of a policy. */
export interface Rule extends RuleBody {
  /** Unique in its policy. */
  readonly id: string;
  /** The name of its kind. */
  readonly name: string;
  readonly severity: Severity;
  readonly mode: Mode;
  /** The instances that it applies to; null for all. */
  readonly when: Condition | null;
  /** The team's own page about the rule. */
  readonly link: string | null;
  readonly settles: Settles;
  /** Whether a violation may still be corrected within the grace: by tags, or by a change of the instance. */
  readonly isCorrectable: boolean;
  /** What the rule demands, as clauses. The deployed file does not contain it. */
  demands(): string;
}

/** An example for the documentation: settings and an instance in words. */
export interface Example {
  /** The policy's rule, as JSON shows it. */
  readonly rule: Readonly<Record<string, unknown>>;
  readonly fails: readonly string[];
  readonly passes: readonly string[];
}

/** The description of a kind of rule, with its fields. */
interface Description<F extends Fields> {
  readonly name: string;
  /** What it demands, in one sentence. */
  readonly what: string;
  /** Why a team wants it, in one or two sentences. */
  readonly why: string;
  readonly settles: Settles;
  readonly fields: F;
  /** At least one of these settings must be there. */
  readonly atLeastOne?: readonly (keyof F & string)[];
  readonly example: Example;
  /** What a rule demands, as clauses, if its settings mean something only together. The default: the demands of its fields. */
  readonly demands?: (settings: ValuesOf<F>) => string;
  /** Returns the rule's check. */
  configure(settings: ValuesOf<F>): RuleBody;
}

/** A kind of rule. Each kind is a file in `rules/` and an entry of `RULE_KINDS` in `rules/index.ts`. */
export interface RuleKind extends Omit<Description<Fields>, "configure" | "demands"> {
  /** Returns the setting of a rule of this kind: an object with these common fields and its own. */
  ruleWith<C extends Fields>(common: C): Setting<ConfiguredRule<C>>;
}

/** A rule as it is read: its common settings, and its body. */
export interface ConfiguredRule<C extends Fields> {
  readonly common: ValuesOf<C>;
  readonly body: RuleBody;
  demands(): string;
}

/** Defines a kind of rule. The types of its settings are those of its fields. */
export function ruleKind<const F extends Fields>(kind: Description<F>): RuleKind {
  return {
    ...kind,
    ruleWith<C extends Fields>(common: C): Setting<ConfiguredRule<C>> {
      const own = object(kind.fields, { shape: "an object" });
      const both = object<C & F>(
        { ...common, ...kind.fields },
        { shape: `an object: {"rule": "${kind.name}", ...}`, atLeastOne: kind.atLeastOne ?? [] },
      );
      return {
        ...both,
        read(value, path, reading) {
          const settings = both.read(value, path, reading);
          if (settings === undefined) return undefined;
          const body = kind.configure(settings as ValuesOf<F>);
          return {
            common: settings as ValuesOf<C>,
            body,
            demands: () => {
              const combined = kind.demands?.(settings as ValuesOf<F>);
              if (combined !== undefined) return combined;
              const isSet = kind.atLeastOne || Object.values(kind.fields).some(({ isRequired }) => isRequired);
              // A kind without a setting that it requires demands something by itself.
              return [isSet ? "" : kind.what.replace(/\.$/, ""), own.say(settings as ValuesOf<F>)]
                .filter(Boolean)
                .join("; ");
            },
          };
        },
        say: ({ demands }) => demands(),
      };
    },
  };
}
