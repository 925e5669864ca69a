import { lambdaHandler } from "./adapters/lambda.ts";
import { webtask } from "./adapters/webtask.ts";
import { createApp } from "./app.ts";
import { fetchedCertificates } from "./sns/certificate.ts";
import { fetchText } from "./sns/fetch-text.ts";

const app = createApp(process.env, {
  now: Date.now,
  // Not console.log: Lambda puts a prefix before its lines, but an embedded metric must be the whole line.
  write: (line) => process.stdout.write(`${line}\n`),
  certificates: fetchedCertificates(fetchText, Date.now),
});

/** `module.exports` is the webtask, `module.exports.handler` the Lambda handler. */
export default Object.assign(webtask(app), { handler: lambdaHandler(app) });
