import type { Colours } from "../terminal.ts";
import { differenceText } from "./difference.ts";
import type { Inspected } from "./installation.ts";
import { isUnconfirmed } from "./subscriptions.ts";

/** What setup does with a resource. A rule that is there, but not asked for this time, is left as it is. */
export type Action = "make" | "mend" | "nothing" | "leave";

/** What setup does with what was found. */
export function actionFor({ resource, found }: Inspected): Action {
  if (!resource.requested) return "leave";
  return found.state === "absent" ? "make" : found.state === "differs" ? "mend" : "nothing";
}

/** In the words of the terminal, and whether it has been done or would be. */
const ACTION_TEXT: Readonly<
  Record<Action, { readonly mark: string; readonly done: string; readonly planned: string }>
> = {
  make: { mark: "+", done: "made", planned: "would be made" },
  mend: { mark: "~", done: "put right", planned: "would be put right" },
  nothing: { mark: "=", done: "as it should be", planned: "as it should be" },
  leave: { mark: "-", done: "not asked for, left as it is", planned: "not asked for, would be left as it is" },
};

/** The whole installation, a line for each resource, and below it what was or is wrong with it. */
export function installationText(all: readonly Inspected[], dryRun: boolean, colours: Colours): string {
  const nameWidth = Math.max(...all.map(({ resource }) => resource.name.length));
  const kindWidth = Math.max(...all.map(({ resource }) => resource.kind.length));
  return all.flatMap((each) => linesOf(each, dryRun, colours, kindWidth, nameWidth)).join("\n");
}

function linesOf(each: Inspected, dryRun: boolean, colours: Colours, kindWidth: number, nameWidth: number): string[] {
  const { resource, found } = each;
  const action = actionFor(each);
  const { mark, done, planned } = ACTION_TEXT[action];
  const colour = { make: colours.green, mend: colours.yellow, nothing: colours.dim, leave: colours.dim }[action];
  const others = found.state !== "absent" && found.madeBySetup === false ? ", was there before setup" : "";
  const again = dryRun ? "would be asked again: it has not confirmed yet" : "asked again: it had not confirmed yet";
  const status = isUnconfirmed(found) ? again : `${dryRun ? planned : done}${others}`;
  const differences = found.state === "differs" && action === "mend" ? found.differences.map(differenceText) : [];
  const below = [...differences, ...found.notes];
  return [
    colour(`  ${mark} ${resource.kind.padEnd(kindWidth)}  ${resource.name.padEnd(nameWidth)}  ${status}`),
    ...below.map((line) => `      ${line}`),
  ];
}

/** The same for programs. */
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
