import { readdirSync, readFileSync } from "node:fs";
import { resolve, sep } from "node:path";
import type { Plugin } from "rolldown";
import { type ESTree, Visitor } from "rolldown/utils";

/** A part of a source's text, from its first character to the one after its last. */
interface Part {
  readonly start: number;
  readonly end: number;
}

/**
 * Replaces items of lists and objects, each with the comma after it, by spaces. Everything else keeps its place, so the source map
 * stays valid.
 */
function blank(code: string, parts: readonly Part[]): string {
  let [blanked, at] = ["", 0];
  for (const { start, end } of [...parts].sort((a, b) => a.start - b.start)) {
    if (start < at) continue;
    const [comma = ""] = /^\s*,/.exec(code.slice(end)) ?? [];
    const to = end + comma.length;
    blanked += code.slice(at, start) + code.slice(start, to).replace(/[^\n]/g, " ");
    at = to;
  }
  return blanked + code.slice(at);
}

/** The properties of the policy's modules that describe rule kinds and settings, for the commands, docs/policy.md and the JSON Schema. */
const DESCRIPTIONS = new Set(["what", "why", "example", "about", "demand", "demandIfFalse", "demands", "schema"]);

const POLICY = resolve("src/policy") + sep;

/** Leaves descriptions out. The build fails if code of the deployed file still reads one. */
export const leaveOutDescriptions: Plugin = {
  name: "leave-out-descriptions",
  transform(code, id) {
    if (!id.startsWith(POLICY) || !id.endsWith(".ts")) return null;
    const parts: Part[] = [];
    new Visitor({
      ObjectExpression({ properties }) {
        for (const each of properties) {
          if (each.type === "Property" && each.key.type === "Identifier" && DESCRIPTIONS.has(each.key.name))
            parts.push(each);
        }
      },
    }).visit(this.parse(code, { lang: "ts" }));
    return { code: blank(code, parts), map: null };
  },
  generateBundle(_options, bundle) {
    const chunk = bundle["audit.js"];
    if (chunk?.type !== "chunk") return this.error("there is no audit.js");
    for (const [id, { code }] of Object.entries(chunk.modules)) {
      if (!id.startsWith(POLICY)) continue;
      for (const [, name = ""] of (code ?? "").matchAll(/(?<!\.)\.(\w+)/g)) {
        if (DESCRIPTIONS.has(name)) return this.error(`${id} reads ${name}, which the deployed file does not contain`);
      }
    }
  },
};

/** Returns the words of our sources in the deployed file. */
function ownWords(): ReadonlySet<string> {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" });
  const own = files.filter((file) => file.endsWith(".ts") && !/^(?:cli|local)[/\\]/.test(file));
  return new Set(own.flatMap((file) => readFileSync(resolve("src", file), "utf8").match(/\w+/g) ?? []));
}

/**
 * Leaves out of EC2's requests and responses the members that our sources do not name: an instance has 61, of which
 * 23 stay. The SDK skips the elements of a response that it does not know. A structure is
 * `[3, namespace, name, traits, [member, ...], [schema of a member, ...]]`.
 *
 * Leaves out the query name of a member if it is the XML name with a capital letter. The SDK then writes the same name.
 */
export const leaveOutMembers: Plugin = {
  name: "leave-out-members",
  transform(code, id) {
    if (!/client-ec2\/dist-es\/schemas\/schemas_0\.js$/.test(id.replaceAll("\\", "/"))) return null;
    const words = ownWords();
    const texts = new Map([...code.matchAll(/^const (\w+) = "(.+)";$/gm)].map(([, name, text = ""]) => [name, text]));
    const parts: Part[] = [];
    new Visitor({
      ArrayExpression({ elements: [kind, , , , members, schemas] }) {
        if (kind?.type !== "Literal" || kind.value !== 3) return;
        if (members?.type !== "ArrayExpression" || schemas?.type !== "ArrayExpression") return;
        const isRead = members.elements.map((each) => words.has(textOf(each, texts)));
        const unread = [...members.elements.entries(), ...schemas.elements.entries()].filter(
          ([index]) => !isRead[index],
        );
        parts.push(...unread.flatMap(([, each]) => each ?? []));
      },
      ObjectExpression({ properties }) {
        const [query, xml, ...others] = properties.flatMap((each) => (each.type === "Property" ? [each] : []));
        if (query === undefined || xml === undefined || others.length > 0) return;
        if (textOf(query.key, texts) !== "ec2QueryName" || textOf(xml.key, texts) !== "xmlName") return;
        const name = textOf(xml.value, texts);
        if (textOf(query.value, texts) === name.charAt(0).toUpperCase() + name.slice(1)) parts.push(query);
      },
    }).visit(this.parse(code));
    if (parts.length === 0) return this.error(`${id} has changed`);
    return { code: blank(code, parts), map: null };
  },
};

/** Returns the text of a node: of a template without expressions, or of a constant. */
function textOf(node: ESTree.Node | null, constants: ReadonlyMap<string | undefined, string>): string {
  if (node?.type === "TemplateLiteral") return node.quasis.map(({ value }) => value.raw).join("");
  return node?.type === "Identifier" ? (constants.get(node.name) ?? "") : "";
}
