import type { Colours } from "../terminal.ts";
import { differenceText } from "./difference.ts";
import type { Inspected } from "./installation.ts";
import { isUnconfirmed } from "./subscriptions.ts";

/** What setup does with a resource. It leaves an existing rule that is not requested. */
export type Action = "create" | "repair" | "nothing" | "leave";

/** Returns what setup does with a resource. */
export function actionFor({ resource, found }: Inspected): Action {
  if (!resource.requested) return "leave";
  return found.state === "absent" ? "create" : found.state === "differs" ? "repair" : "nothing";
}

/** How the terminal shows an action: done, or planned in a dry run. */
const ACTION_TEXT: Readonly<
  Record<Action, { readonly mark: string; readonly done: string; readonly planned: string }>
> = {
  create: { mark: "+", done: "created", planned: "would be created" },
  repair: { mark: "~", done: "repaired", planned: "would be repaired" },
  nothing: { mark: "=", done: "correct", planned: "correct" },
  leave: { mark: "-", done: "not requested, unchanged", planned: "not requested, unchanged" },
};

/** Returns the installation as text: a line for each resource, followed by its differences and notes. */
export function installationText(all: readonly Inspected[], dryRun: boolean, colours: Colours): string {
  const nameWidth = Math.max(...all.map(({ resource }) => resource.name.length));
  const kindWidth = Math.max(...all.map(({ resource }) => resource.kind.length));
  return all.flatMap((each) => linesOf(each, dryRun, colours, kindWidth, nameWidth)).join("\n");
}

function linesOf(each: Inspected, dryRun: boolean, colours: Colours, kindWidth: number, nameWidth: number): string[] {
  const { resource, found } = each;
  const action = actionFor(each);
  const { mark, done, planned } = ACTION_TEXT[action];
  const colour = { create: colours.green, repair: colours.yellow, nothing: colours.dim, leave: colours.dim }[action];
  const others = found.state !== "absent" && found.madeBySetup === false ? ", existed before setup" : "";
  const again = dryRun ? "confirmation would be requested again" : "confirmation requested again";
  const status = isUnconfirmed(found) ? again : `${dryRun ? planned : done}${others}`;
  const differences = found.state === "differs" && action === "repair" ? found.differences.map(differenceText) : [];
  const below = [...differences, ...found.notes];
  return [
    colour(`  ${mark} ${resource.kind.padEnd(kindWidth)}  ${resource.name.padEnd(nameWidth)}  ${status}`),
    ...below.map((line) => `      ${line}`),
  ];
}

/** Returns the installation for --json. */
export function installationJson(all: readonly Inspected[]): readonly object[] {
  return all.map(({ resource, found }) => ({
    kind: resource.kind,
    name: resource.name,
    arn: resource.arn,
    state: found.state,
    differences: found.state === "differs" ? found.differences.map(differenceText) : [],
    notes: found.notes,
    madeBySetup: found.state === "absent" ? null : found.madeBySetup,
    action: actionFor({ resource, found }),
  }));
}
