import { describe } from "vitest";
import { contract } from "./contract/contract.ts";
import { findMotoServer, foundOrganization, motoTarget } from "./targets.ts";

const moto = findMotoServer();
// The default reporter does not print the names of skipped tests.
if (moto === undefined) console.info("The contract with moto_server is skipped: moto_server is not on the PATH.");

describe.skipIf(moto === undefined)(
  `The contract, with moto_server${moto ? "" : " (skipped: it is not on the PATH)"}`,
  () =>
    contract(async () => {
      const target = await motoTarget(moto ?? "");
      await foundOrganization(target);
      return target;
    }),
);
