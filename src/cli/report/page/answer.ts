import { counted, dateOf, grouped } from "../../../util/figures.ts";
import { cut } from "../../../util/text.ts";
import { type About, answerOf, comparison } from "../answer.ts";
import { reasonsOf, total } from "../resolutions.ts";
import { violatedRules } from "../rule-results.ts";
import { age, list, minuteOf } from "../words.ts";
import { type Html, html } from "./html.ts";
import { bar, type Colour, swatch } from "./parts.ts";

/** Returns the accounts, regions, time and policy of the report. */
export function pageHeader({ header, places }: About): Html {
  const accounts = [...new Set(places.map(({ account }) => account))].map((id) => header.accounts[id] ?? id);
  const regions = [...new Set(places.map(({ region }) => region))];
  const named = accounts.length > 0 && accounts.length <= 5 ? list(accounts) : counted(accounts.length, "account");
  const exemptions = header.exemptions.length > 0 && `, ${counted(header.exemptions.length, "exemption")}`;
  return html`<header><h1>EC2 audit</h1>
<p>${named} <span class="dot">·</span> ${regions.length === 1 ? regions : counted(regions.length, "region")} <span class="dot">·</span> <time datetime="${header.time}">${dateOf(header.time)}, ${minuteOf(header.time)}</time> <span class="dot">·</span> policy of ${counted(header.rules.length, "rule")}${exemptions}</p></header>
`;
}

/** Returns the answer, with a bar of the instances, and four figures. `oldest` are the times of the oldest findings. */
export function answerSection(about: About, oldest: Oldest): Html {
  const { figure, sentence } = answerOf(about);
  const [value = "", ...unit] = figure.split(" % ");
  return html`<section id="answer"><h2 class="hidden">Compliance</h2>
<div class="hero"><p class="big">${value}${unit.length > 0 && html`<span class="unit"> % ${unit}</span>`}</p>
<div><p class="sentence"><strong>${sentence}</strong>${comparison(about)}${gravestRule(about)}</p>
${notices(about).map((notice) => html`<p class="notice">${notice}</p>`)}</div></div>
${meter(about)}
<dl class="figures">${figures(about, oldest).map(({ number, label }) => html`<div><dt>${label}</dt><dd>${number}</dd></div>`)}</dl></section>
`;
}

function gravestRule(about: About): Html | false {
  const [first] = violatedRules(about);
  if (first === undefined) return false;
  const { rule, violations } = first;
  return html` The gravest violated rule is <a href="#rule-${first.index}">${rule.id}</a> (${counted(violations, "instance")}): ${cut(rule.demands, 120)}.`;
}

function notices({ places, sums }: About): Html[] {
  const missing = places.filter(({ status }) => status !== "complete").length;
  return [
    ...(sums.interrupted
      ? [html`<strong>The report is incomplete.</strong> It was interrupted, and contains what was read until then.`]
      : []),
    ...(missing > 0
      ? [
          html`<a href="#unread">${grouped(missing)} of ${counted(places.length, "place")}</a> could not be read completely. These figures lack what was not read.`,
        ]
      : []),
  ];
}

function meter({ sums: { totals } }: About): Html | false {
  if (totals.instances === 0) return false;
  const parts: readonly { count: number; word: string; colour: Colour }[] = [
    { count: totals.compliant, word: "compliant", colour: "good" },
    { count: totals.violating, word: "violating", colour: "critical" },
    { count: totals.notJudged, word: "not judged", colour: "unknown" },
  ];
  const words = parts.map(({ count: number, word }) => `${grouped(number)} ${word}`);
  const shares = parts.map((part) => ({ share: part.count / totals.instances, colour: part.colour }));
  return html`<div class="meter">${bar(shares, 14, `Instances: ${list(words)}`)}</div>
<p class="legend">${parts.map(({ colour }, index) => html`<span>${swatch(colour)} ${words[index] ?? ""}</span> `)}</p>`;
}

/** The times of the oldest findings, in ISO 8601; null without findings. */
export interface Oldest {
  readonly firstSeen: string | null;
  readonly launchTime: string | null;
}

interface Figure {
  readonly number: string;
  readonly label: string;
}

function figures(about: About, { firstSeen, launchTime }: Oldest): Figure[] {
  const { header, sums } = about;
  const { severities, findings, exempt } = sums.totals;
  if (header.since === null || sums.since === null) {
    return [
      {
        number: grouped(findings),
        label:
          findings > 0
            ? `findings, ${grouped(severities.critical + severities.high)} of them critical or high`
            : "findings",
      },
      {
        number: launchTime === null ? "–" : age(launchTime, header.time),
        label: launchTime === null ? "no violating instance" : "since the launch of the oldest violating instance",
      },
      { number: grouped(exempt), label: `exempt violations, by ${counted(usedExemptions(about), "exemption")}` },
      notJudgedFigure(about),
    ];
  }
  const { new: fresh, open, unknown, resolved } = sums.since;
  const why = reasonsOf(resolved);
  const oldest = open > 0 && firstSeen !== null ? `, the oldest for ${age(firstSeen, header.time)}` : "";
  const unsure = unknown > 0 ? `, and ${grouped(unknown)} not confirmed` : "";
  return [
    { number: grouped(fresh), label: `new findings since ${dateOf(header.since)}` },
    { number: grouped(total(resolved)), label: why.length > 0 ? `resolved: ${list(why)}` : "resolved" },
    { number: grouped(open), label: `still open${oldest}${unsure}` },
    notJudgedFigure(about),
  ];
}

function notJudgedFigure({ places, sums }: About): Figure {
  const missing = places.filter(({ status }) => status !== "complete").length;
  const unread = `${counted(places.length, "place")} not read completely`;
  if (sums.totals.notJudged === 0 && missing > 0) return { number: grouped(missing), label: `of ${unread}` };
  return {
    number: grouped(sums.totals.notJudged),
    label: `instances not judged${missing > 0 ? `, ${grouped(missing)} of ${unread}` : ""}`,
  };
}

function usedExemptions({ sums }: About): number {
  return Object.values(sums.totals.exemptions).filter((violations) => violations > 0).length;
}
