import type { Balance } from "./ledger.ts";
import type { Run } from "./run.ts";

/** The most instances whose history is shown. */
const SHOWN = 3;

/** Returns the histories of the first instances for which a run does not balance: each event on a line, by its time since the launch. */
export function histories({ records, settlings }: Run, balance: Balance): string[] {
  const { lost, false: wrong, unexplained, settledAgain, unsettled } = balance;
  const named = [lost, wrong, unexplained, settledAgain, unsettled].flat().map((name) => name.split(" ")[0]);
  return [...new Set(named)].slice(0, SHOWN).map((id = "") => {
    const expected = records.expected.find(({ instanceId }) => instanceId === id);
    const events = [
      ...(expected?.occasions ?? []).map(({ at, kind }) => ({ at, text: kind })),
      ...(settlings.get(id) ?? []),
      ...records.causes.flatMap(({ instanceId, at, cause, topic }) =>
        instanceId === id ? { at, text: `${topic ?? "all topics"}: ${cause}` } : [],
      ),
      ...records.alerts.flatMap(({ at, topic, findings }) =>
        findings
          .filter(({ instanceId }) => instanceId === id)
          .map(({ ruleId, status }) => ({ at, text: `${topic}: got ${ruleId} ${status}` })),
      ),
    ];
    const launchedAt = expected?.occasions[0]?.at ?? 0;
    const lines = events
      .sort((a, b) => a.at - b.at)
      .map(({ at, text }) => `${((at - launchedAt) / 1000).toFixed(3).padStart(10)} s  ${text}`);
    return [`${id}, ${expected?.lifecycle ?? "never launched"}:`, ...lines].join("\n");
  });
}
