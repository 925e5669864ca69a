import { counted, dateOf, grouped, percent } from "../util/figures.ts";
import { groupBy } from "../util/group-by.ts";
import { cut, wrap } from "../util/text.ts";
import { digestAnswer, placeName, severeOf } from "./digest-answer.ts";
import type { DigestDocument } from "./digest-document.ts";

const COLUMNS = 72;
/** The longest word, so that each line fits. */
const MAX_WORD = 50;
/** The number of entries of a list in the e-mail. The report has all. */
const LISTED = 5;

/** A number, what it counts, and more about that on a line of its own. */
type Row = readonly [count: number, what: string, detail?: string];

/**
 * Returns the texts of a digest: the subject in ASCII, the e-mail, and the text message of at most 140 bytes. Takes the name of the role
 * that is assumed in other accounts; null if there is none.
 */
export function digestTexts(
  document: DigestDocument,
  role: string | null,
): {
  readonly subject: string;
  readonly text: string;
  readonly sms: string;
} {
  const { subject, sms, opening } = digestAnswer(document);
  const { rules, notJudgedRules, exemptionsEnding } = document;
  const sections = [
    opening.flatMap((sentence) => lines(sentence)),
    countsOf(document),
    newOf(document),
    olderOf(document),
    table(
      "Violating instances by rule",
      rules.map(({ ruleId, severity, violating }) => [violating, `${ruleId} (${severity})`]),
    ),
    groupsOf(document, "owners"),
    document.places.accounts > 1 ? groupsOf(document, "accounts") : [],
    unreadOf(document),
    table(
      "Instances not judged, by rule",
      notJudgedRules.map(({ instances, ruleId, reason }) => [instances, `${ruleId}: ${reason}`]),
    ),
    table(
      "Exemptions that end within 14 days",
      exemptionsEnding.map(({ violations, until, reason }) => [
        violations,
        `${violations === 1 ? "violation" : "violations"} until ${dateOf(until)}: ${reason}`,
      ]),
    ),
    closing(document, role),
  ];
  const text = sections.filter((section) => section.length > 0).map((section) => section.join("\n"));
  return { subject, text: text.join("\n\n"), sms };
}

/** States the sums. */
function countsOf({ instances, compliant, violating, notJudged, places }: DigestDocument): string[] {
  if (instances === 0) return [];
  const share = percent(compliant, compliant + violating);
  const noun = instances === 1 ? "instance" : "instances";
  const rows: readonly Row[] = [
    [instances, places.accounts > 1 ? `${noun}, ${grouped(places.accounts)} accounts` : noun],
    [compliant, compliant === 1 ? "complies" : "comply"],
    [violating, violating === 1 ? "violates the policy" : "violate the policy"],
    [notJudged, "not judged"],
    [places.unreadCount, places.unreadCount === 1 ? "place not read" : "places not read"],
  ];
  return table(
    share === null ? "Compliance is unknown" : `${share} compliant`,
    rows.filter(([count]) => count > 0),
  );
}

/** States the violating instances that were launched since the sweep before, the worst ones with their findings. */
function newOf({ new: fresh, hours, worst, places }: DigestDocument): string[] {
  if (fresh.violating === 0) return [];
  const instances = [
    ...groupBy(worst, ({ account, region, instanceId }) => `${account} ${region} ${instanceId}`).values(),
  ];
  const shown = instances.slice(0, LISTED);
  const more = fresh.violating - shown.length;
  return [
    `New: ${grouped(fresh.violating)}, launched in the last ${period(hours)}`,
    ...shown.flatMap((findings) => [
      ...findings.slice(0, 1).flatMap(({ name, instanceId, account, region }) => {
        const place = places.accounts > 1 ? `${region}, ${account}` : region;
        return [`  ${name === null ? instanceId : `${cut(name, MAX_WORD)}, ${instanceId}`}`, `    ${place}`];
      }),
      ...findings.flatMap(({ severity, ruleId, message }) =>
        lines(`${severity.toUpperCase()} ${ruleId}: ${message}`, "    ", "      "),
      ),
    ]),
    ...(more > 0 ? [`  and ${grouped(more)} more`] : []),
  ];
}

/** States the older violating instances by age. */
function olderOf({ older }: DigestDocument): string[] {
  const { week, month, more, unknown } = older.ages;
  const rows: readonly Row[] = [
    [week, "up to 7 days old"],
    [month, "8 to 30 days"],
    [more, "more than 30 days"],
    [unknown, "of unknown age"],
  ];
  return table(
    `Older: ${grouped(older.violating)}${severeOf(older)}`,
    rows.filter(([count]) => count > 0),
  );
}

function groupsOf(document: DigestDocument, name: "owners" | "accounts"): string[] {
  const noun = name === "owners" ? "owner" : "account";
  const { groups, others } = document[name];
  const violating = groups.filter((group) => group.violating > 0);
  const rest = violating.slice(LISTED).reduce((sum, group) => sum + group.violating, others.violating);
  const rows = violating
    .slice(0, LISTED)
    .map((group): Row => [group.violating, group.value === null ? `(no ${noun})` : cut(group.value, MAX_WORD)]);
  return table(`Violating instances by ${noun}`, rest > 0 ? [...rows, [rest, `other ${name}`]] : rows);
}

/** States the places that were not read, by reason. */
function unreadOf({ places: { unread, unreadCount, complete } }: DigestDocument): string[] {
  if (unreadCount === 0) return [];
  const groups = [...groupBy(unread, ({ reason }) => reason)].slice(0, LISTED);
  const rows = groups.map(([reason, places]): Row => {
    // The account is stated once for its regions.
    const names = places
      .slice(0, LISTED)
      .map((place, index) =>
        placeName({ ...place, account: place.account === places[index - 1]?.account ? "" : place.account }),
      );
    const more = places.length - LISTED;
    return [places.length, reason, `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`];
  });
  const rest = unreadCount - rows.reduce((sum, [count]) => sum + count, 0);
  return table(complete > 0 ? "Not read, or only in part" : "Not read", rest > 0 ? [...rows, [rest, "more"]] : rows);
}

/** States the command for the report, and what the e-mail is. */
function closing({ places, scheduledAt }: DigestDocument, role: string | null): string[] {
  return [
    "The whole report, by the function's policy:",
    `  ec2-audit report --policy FILE --out report.html${places.accounts > 1 ? " \\" : ""}`,
    ...(places.accounts > 1 ? [`    --organization --role ${role ?? "NAME"}`] : []),
    "",
    ...lines(
      `Sweep of ${dateOf(scheduledAt)}, ${scheduledAt.slice(11, 16)} UTC. The digest comes on Mondays, and on other days if something is wrong.`,
    ),
  ];
}

/** Returns a title and rows with aligned numbers; nothing without rows. States how many rows are left out. */
function table(title: string, rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const shown = rows.length > LISTED + 1 ? rows.slice(0, LISTED) : rows;
  const width = Math.max(...shown.map(([count]) => grouped(count).length));
  const indent = " ".repeat(width + 4);
  const more = rows.length - shown.length;
  return [
    title,
    ...shown.flatMap(([count, what, detail]) => [
      ...lines(what, `  ${grouped(count).padStart(width)}  `, indent),
      ...(detail === undefined ? [] : lines(detail, indent, indent)),
    ]),
    ...(more > 0 ? [`${indent}and ${more} more`] : []),
  ];
}

/** Wraps text into lines after a start; the others begin with the indent. */
function lines(text: string, start = "", indent = ""): string[] {
  const [first = "", ...words] = text.split(/\s+/).map((word) => cut(word, MAX_WORD));
  return wrap([start + first, ...words], COLUMNS, indent);
}

/** Returns a number of hours in words: `24 hours`, `7 days`. */
function period(hours: number): string {
  return hours > 24 && hours % 24 === 0 ? `${hours / 24} days` : hours === 1 ? "hour" : counted(hours, "hour");
}
