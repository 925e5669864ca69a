import { describe, expect, it } from "vitest";
import { Instances } from "../../src/local/aws/ec2/instances.ts";

describe("The instances of a place", () => {
  const filled = (count: number) => {
    const instances = new Instances<{ id: string }>();
    for (let number = 0; number < count; number += 1) instances.add({ id: `i-${number}` });
    return instances;
  };
  const idsFrom = (instances: Instances<{ id: string }>, position = 0) =>
    [...instances.from(position)].map(({ instance }) => instance.id);

  it("keep their positions when most of the others are forgotten", () => {
    const instances = filled(1_000);
    const [, , , fourth] = [...instances.from()];
    const last = [...instances.from()].at(-1);
    for (let number = 4; number < 999; number += 1) instances.forget(`i-${number}`);
    expect(idsFrom(instances)).toEqual(["i-0", "i-1", "i-2", "i-3", "i-999"]);
    expect(idsFrom(instances, fourth?.position)).toEqual(["i-3", "i-999"]);
    expect(idsFrom(instances, (fourth?.position ?? 0) + 1)).toEqual(["i-999"]);
    expect([...instances.from(last?.position)]).toEqual([last]);
  });

  it("include one that is added while they are read, and not one that is forgotten", () => {
    const instances = filled(3);
    const read: string[] = [];
    for (const { instance } of instances.from()) {
      read.push(instance.id);
      if (instance.id === "i-0") {
        instances.forget("i-1");
        instances.add({ id: "i-3" });
      }
    }
    expect(read).toEqual(["i-0", "i-2", "i-3"]);
  });
});
