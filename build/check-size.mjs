// Prints the size of the deployed file, and fails if it is over the limit.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const FILE = "dist/audit.js";
const LIMIT_BYTES = 300_000;

const file = readFileSync(FILE);
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
console.log(
  `${FILE}: ${kilobytes(file.length)}, ${kilobytes(gzipSync(file).length)} gzipped (limit ${kilobytes(LIMIT_BYTES)})`,
);
if (file.length > LIMIT_BYTES) {
  console.error(`${FILE} is over its limit`);
  process.exit(1);
}
