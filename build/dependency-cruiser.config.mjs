// Who may import whom, type imports included. `npm run imports` checks it.
//
// The sources are parsed by swc: dependency-cruiser does not support TypeScript 7, which has no parser API, and without a parser
// of TypeScript it cannot see type imports. Version 17 is the last one that runs on Node 20.

/** The folders and files of src that a pattern names, as a regular expression. */
const src = (names) => `^src/(?:${names})(?:/|\\.ts$)`;

/** No file of `from` may import a file of `to`. Both are regular expressions on paths. */
const apart = (name, from, to, more = {}) => ({
  name,
  severity: "error",
  from: { path: from },
  to: { path: to, ...more },
});

const ENTRIES = "^src/(?:audit|cli/main|cli/report/page/client/main|local/demo/main)\\.ts$";

/** Types, a process that the demo starts by its path, and parts of the embedded AWS that only tests use. */
const USED_OTHERWISE = [
  "\\.d\\.ts$",
  "^src/local/demo/webtask-server\\.mjs$",
  "^src/local/aws/(?:certificate-server|tls-authority)\\.ts$",
];

export default {
  forbidden: [
    { name: "no import circles", severity: "error", from: {}, to: { circular: true } },
    apart(
      "policy, facts and alerts import neither launches, fleet, sns nor the wiring",
      src("policy|facts|alerts"),
      src("launches|fleet|sns|adapters|app|audit|config|log"),
    ),
    apart(
      "launches import neither fleet, sns nor the wiring",
      src("launches"),
      src("fleet|sns|adapters|app|audit|log"),
    ),
    apart(
      "fleet imports neither launches, sns nor the wiring",
      src("fleet"),
      src("launches|sns|adapters|app|audit|log"),
    ),
    apart("sns imports only aws and util", src("sns"), "^src/(?!sns/|aws/|util/)"),
    apart("aws imports only util", src("aws"), "^src/(?!aws/|util/)"),
    apart("util imports no other folder", src("util"), "^src/(?!util/)"),
    apart(
      "adapters import only the app, outcomes, sns and util",
      src("adapters"),
      "^src/(?!adapters/|launches/(?:dispatch|outcome)\\.ts$|sns/|util/|app\\.ts$|log\\.ts$)",
    ),
    apart("only cli and local import cli and local", "^src/(?!cli/|local/)", src("cli|local")),
    apart("src imports neither tests nor the build", "^src/", "^(?:test|build)/"),
    apart("every file is used", ENTRIES, "^src/", { reachable: false, pathNot: [ENTRIES, ...USED_OTHERWISE] }),
  ],
  options: {
    parser: "swc",
    tsPreCompilationDeps: true,
    doNotFollow: { path: "^node_modules/" },
    enhancedResolveOptions: { extensions: [".ts", ".js", ".json"] },
  },
};
