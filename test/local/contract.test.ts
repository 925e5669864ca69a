import { describe } from "vitest";
import { contract } from "./contract/contract.ts";
import { embeddedTarget } from "./targets.ts";

describe("The contract, with the embedded AWS", () => contract(embeddedTarget));
