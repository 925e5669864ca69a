import { resolve } from "node:path";
import type { Plugin } from "rolldown";

/**
 * Modules of packages that the function never uses, by the end of their path, with the module that replaces each: a shorter one
 * with what is used, or one that throws when it is used after all. Together they are half of the file and of its loading time
 * (npm run bench).
 */
const LEFT_OUT: readonly { readonly path: RegExp; readonly instead: string | ((part: string) => string) }[] = [
  // Credentials come from the configuration. The default chain brings SSO, login, STS and the instance metadata client.
  { path: /credential-provider-node\/dist-es\/index\.js$/, instead: unused("defaultProvider") },
  // The clients receive every setting. They read no files of a home directory.
  {
    path: /node-config-provider\/configLoader\.js$/,
    instead: `${unused("read")} export const loadConfig = () => async () => read();`,
  },
  // Requests and responses are text in memory: no files, streams or blobs.
  {
    path: /util-body-length\/calculateBodyLength\.js$/,
    instead: "export const calculateBodyLength = (body) => (body ? Buffer.byteLength(body) : 0);",
  },
  { path: /isStreamingPayload\/isStreamingPayload\.js$/, instead: "export const isStreamingPayload = () => false;" },
  {
    path: /util-stream\/stream-collector\.js$/,
    instead: `export const streamCollector = (stream) => new Promise((resolve, reject) => {
      const chunks = [];
      stream.on("data", (chunk) => chunks.push(chunk));
      stream.on("end", () => resolve(Buffer.concat(chunks)));
      stream.on("error", reject);
    });`,
  },
  {
    path: /protocols\/collect-stream-body\.js$/,
    instead: "export const collectBody = (body, context) => context.streamCollector(body);",
  },
  {
    path: /node-http-handler\/dist-es\/write-request-body\.js$/,
    instead: "export const writeRequestBody = async (request, { body }) => { request.end(body); };",
  },
  // No operation called here takes a time.
  {
    path: /serde\/date-utils\.js$/,
    instead: unused(
      "dateToUtcString",
      "parseRfc3339DateTime",
      "parseRfc3339DateTimeWithOffset",
      "parseRfc7231DateTime",
      "parseEpochTimestamp",
    ),
  },
  // Node has these built in.
  { path: /serde\/uuid\/v4\.js$/, instead: "export const bindV4 = () => () => crypto.randomUUID();" },
  {
    path: /util-hex-encoding\/hex-encoding\.js$/,
    instead: `export const toHex = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
      ${unused("fromHex")}`,
  },
  // A namespace import, so that the file contains only the used parts.
  { path: /node-http-handler\/dist-es\/node-https\.js$/, instead: 'export * as node_https from "node:https";' },
  {
    path: /checksum\/sha256\/Sha256Node\.js$/,
    instead: `import { createHash, createHmac } from "node:crypto";
      export class Sha256Node {
        constructor(secret) { this.hash = secret ? createHmac("sha256", secret) : createHash("sha256"); }
        update(data) { this.hash.update(data); }
        digest() { return this.hash.digest(); }
      }`,
  },
  { path: /regionConfig\/getInstanceMetadataRegion\.js$/, instead: unused("getInstanceMetadataRegion") },
  // No operation called here streams events, or is signed for many regions.
  {
    path: /submodules\/event-streams\/index\.js$/,
    instead: unused("EventStreamSerde", "eventStreamSerdeProvider"),
  },
  // STS names this one even for a single region.
  {
    path: /signature-v4-multi-region\/dist-es\/index\.js$/,
    instead: 'export class SignatureV4MultiRegion { static sigv4aDependency() { return "none"; } }',
  },
  // AWS's endpoints follow from the region, so the endpoint rules and the table of partitions are not needed.
  {
    path: /client-(ec2|sns|sts)\/dist-es\/endpoint\/endpointResolver\.js$/,
    instead: (service) => `import { partitionOf } from ${JSON.stringify(resolve("src/aws/regions.ts"))};
      export const defaultEndpointResolver = ({ Endpoint, Region }) => ({
        url: new URL(Endpoint ?? \`https://${service}.\${Region}.\${partitionOf(Region).dnsSuffix}\`),
      });`,
  },
  {
    path: /service-customizations\/s3\.js$/,
    instead: unused(
      "DOT_PATTERN",
      "S3_HOSTNAME_PATTERN",
      "isArnBucketName",
      "isDnsCompatibleBucketName",
      "resolveParamsForS3",
    ),
  },
  // Calls without these take a tenth less time. AWS does not need them, and the log does not contain them.
  {
    path: /middleware-logger\/loggerMiddleware\.js$/,
    instead: `${noPlugin("getLoggerPlugin")} ${unused("loggerMiddleware", "loggerMiddlewareOptions")}`,
  },
  { path: /smithy-client\/schemaLogFilter\.js$/, instead: unused("schemaLogFilter") },
  { path: /getRecursionDetectionPlugin\.js$/, instead: noPlugin("getRecursionDetectionPlugin") },
  {
    path: /middleware-user-agent\/user-agent-middleware\.js$/,
    instead: `${noPlugin("getUserAgentPlugin")} ${unused("userAgentMiddleware", "getUserAgentMiddlewareOptions")}`,
  },
  {
    path: /middleware-user-agent\/configurations\.js$/,
    instead: "export const DEFAULT_UA_APP_ID = undefined; export const resolveUserAgentConfig = (config) => config;",
  },
  {
    path: /util-user-agent-node\/defaultUserAgent\.js$/,
    instead: `export const createDefaultUserAgentProvider = () => undefined; ${unused("defaultUserAgent", "crtAvailability")}`,
  },
  // It warns of future SDK versions on each cold start. The deployed file keeps the version that it was built with.
  {
    path: /@aws-sdk\/core\/.*client\/emitWarningIfUnsupportedVersion\.js$/,
    instead: `export const emitWarningIfUnsupportedVersion = () => {}; export const state = {};`,
  },
  // Clients have no extensions, one defaults mode and one retry mode.
  {
    path: /client-(?:ec2|sns|sts)\/dist-es\/runtimeExtensions\.js$/,
    instead: "export const resolveRuntimeExtensions = (config) => config;",
  },
  {
    path: /defaults-mode\/resolveDefaultsModeConfig\.js$/,
    instead: 'export const resolveDefaultsModeConfig = () => async () => "standard";',
  },
  { path: /util-retry\/AdaptiveRetryStrategy\.js$/, instead: unused("AdaptiveRetryStrategy") },
  // Clients have a signer of their own: src/aws/signer.ts.
  { path: /signature-v4\/dist-es\/SignatureV4\.js$/, instead: unused("SignatureV4") },
  // webtask-tools requires this for its log-in pages. The function uses fromConnect only.
  { path: /webtask-tools\/lib\/auth0\/auth0\.js$/, instead: "module.exports = undefined;" },
];

/** Modules that webtask-tools requires inside functions that are never called. */
const NEVER_REQUIRED = new Set(["pug", "boom", "request", "edge"]);

function unused(...names: readonly string[]): string {
  return names
    .map((name) => `export function ${name}() { throw new Error("${name} is not in this file"); }`)
    .join("\n");
}

/** A plugin of the SDK that adds nothing to a call. */
function noPlugin(name: string): string {
  return `export const ${name} = () => ({ applyToStack() {} });`;
}

/** The entries that matched a module. An entry without a match is obsolete after an update. */
const found = new Set<RegExp>();

/** Replaces these modules. Replacements have their own ids, so they are not the package's code in the bill of materials. */
export const leaveOut: Plugin = {
  name: "leave-out",
  async resolveId(source, importer, options) {
    if (NEVER_REQUIRED.has(source) && importer?.includes("webtask-tools")) return `\0unused:${source}`;
    const resolved = await this.resolve(source, importer, { ...options, skipSelf: true });
    const path = resolved?.id.replaceAll("\\", "/") ?? "";
    const left = LEFT_OUT.find((each) => each.path.test(path));
    return left === undefined ? null : `\0left-out:${LEFT_OUT.indexOf(left)}:${left.path.exec(path)?.[1] ?? ""}`;
  },
  load(id) {
    if (id.startsWith("\0unused:")) return "module.exports = undefined;";
    const [kind, index, part = ""] = id.split(":");
    const left = kind === "\0left-out" ? LEFT_OUT[Number(index)] : undefined;
    if (left === undefined) return null;
    found.add(left.path);
    return typeof left.instead === "string" ? left.instead : left.instead(part);
  },
  buildEnd() {
    for (const { path } of LEFT_OUT) if (!found.has(path)) this.error(`nothing was left out for ${path}`);
  },
};

/** The text of each error class of a service, and of its schema, with the parts in which they differ. */
const ERROR_CLASS =
  /export class (\w+) extends __BaseException \{\s*static shapeId = "([\w.]+)#\1";\s*name = "\1";\s*\$fault = "(\w+)";/g;
const ERROR_SCHEMA =
  /export var (\w+)\$ = \[-3, n0, (\w+),\s*\{ \[_aQE\]: (\[`\w+`, (\d+)\]), \[_e\]: (\w+), \[_hE\]: \4 \},\s*\[_m\],\s*\[0\]\s*\];\s*n0_registry\.registerError\(\1\$, \1\);/g;

/**
 * Replaces the error classes of a service, 250 bytes each, and their schemas, 140 bytes each, by calls of one function, a third of
 * that. The errors keep their names, codes and HTTP statuses. A schema with more members than the message stays.
 */
export const compactErrors: Plugin = {
  name: "compact-errors",
  transform(code, id) {
    const [, file] =
      /client-(?:sns|sts)\/dist-es\/(models\/errors|schemas\/schemas_0)\.js$/.exec(id.replaceAll("\\", "/")) ?? [];
    if (file === undefined) return null;
    const compact = file === "models/errors" ? compactClasses(code) : compactSchemas(code);
    return compact === null ? this.error(`${id} has changed`) : { code: compact, map: { mappings: "" } };
  },
};

function compactClasses(code: string): string | null {
  const [base] = /^import .*;$/m.exec(code) ?? [];
  const errors = [...code.matchAll(ERROR_CLASS)];
  const [namespace, ...others] = new Set(errors.map(([, , namespace]) => namespace));
  if (base === undefined || others.length > 0 || errors.length !== code.split("export class ").length - 1) return null;
  return `${base}
    const error = (name, $fault = "client") =>
      class extends __BaseException {
        static shapeId = "${namespace}#" + name;
        constructor(options) { super({ name, $fault, ...options }); }
      };
    ${errors.map(([, name, , fault]) => `export const ${name} = /* @__PURE__ */ error("${name}"${fault === "client" ? "" : `, "${fault}"`});`).join("\n")}`;
}

function compactSchemas(code: string): string | null {
  const compact = code.replace(
    ERROR_SCHEMA,
    (...[, type, name, query, , fault]) => `error(${name}, ${query}, ${fault}, ${type});`,
  );
  if (compact === code) return null;
  return compact.replace(
    "error(",
    `const error = (name, query, fault, type) =>
      n0_registry.registerError([-3, n0, name, { [_aQE]: query, [_e]: fault, [_hE]: query[1] }, [_m], [0]], type);
    error(`,
  );
}
