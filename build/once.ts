import type { Plugin } from "rolldown";

/**
 * Work that the SDK repeats at each call although once for a client is enough: the end of the module's path, its text and the
 * replacement. Together they are a fifth of the cost of a call (npm run bench).
 */
const ONCE: readonly { readonly path: RegExp; readonly from: string; readonly to: string }[] = [
  // The endpoint follows from the client's region and endpoint only: no operation called here has its own rule.
  {
    path: /middleware-endpoint\/endpointMiddleware\.js$/,
    from: `            const endpoint = await getEndpointFromInstructions(args.input, {
                getEndpointParameterInstructions() {
                    return instructions;
                },
            }, { ...config }, context);
`,
    to: `            const endpoint = await (config.foundEndpoint ??= getEndpointFromInstructions(args.input, {
                getEndpointParameterInstructions() {
                    return instructions;
                },
            }, { ...config }, context));
`,
  },
  // The signer itself asks for credentials and the clock at each signature.
  {
    path: /aws_sdk\/resolveAwsSdkSigV4Config\.js$/,
    from: `        signer = async (authScheme) => {
            authScheme = Object.assign`,
    to: `        let kept;
        signer = (authScheme) => (kept ??= makeSigner(authScheme));
        const makeSigner = async (authScheme) => {
            authScheme = Object.assign`,
  },
  // A client has about forty settings, which are only read.
  {
    path: /schema\/middleware\/schemaSerializationMiddleware\.js$/,
    from: `{
        ...config,
        ...context,
        endpoint,
    }`,
    to: "Object.assign(Object.create(config), context, { endpoint })",
  },
  {
    path: /schema\/middleware\/schemaDeserializationMiddleware\.js$/,
    from: `{
            ...config,
            ...context,
        }`,
    to: "Object.assign(Object.create(config), context)",
  },
];

const done = new Set<RegExp>();

/** Changes these modules, and fails when one of them differs from what is expected. */
export const once: Plugin = {
  name: "once",
  transform(code, id) {
    const change = ONCE.find(({ path }) => path.test(id.replaceAll("\\", "/")));
    if (change === undefined) return null;
    if (code.split(change.from).length !== 2) return this.error(`${id} has changed`);
    done.add(change.path);
    return { code: code.replace(change.from, () => change.to), map: { mappings: "" } };
  },
  buildEnd() {
    for (const { path } of ONCE) if (!done.has(path)) this.error(`nothing was changed for ${path}`);
  },
};
