import { AwsError } from "../errors.ts";
import type { Emit } from "../events/bus.ts";
import { type Params, structures, text, texts } from "../params.ts";
import type { XmlFields } from "../service.ts";
import { tagChange } from "./event-shapes.ts";
import type { Ec2State, Instance } from "./model.ts";
import { callerTags, changeableInstances, checkTagLimit, missing } from "./validation.ts";

/** Adds tags to the instances, and emits the changes. @throws AwsError TagLimitExceeded, before anything is changed */
export function tagInstances(instances: readonly Instance[], tags: ReadonlyMap<string, string>, emit: Emit): void {
  for (const instance of instances) checkTagLimit(instance.tags, tags);
  for (const instance of instances) {
    const changed = [...tags].filter(([key, value]) => instance.tags.get(key) !== value);
    for (const [key, value] of changed) instance.tags.set(key, value);
    emitTagChange(instance, changed, emit);
  }
}

/** CreateTags. */
export function createTags(state: Ec2State, params: Params, emit: Emit): XmlFields {
  const instances = tagged(state, params);
  if (structures(params, "Tag").length === 0) throw missing("Tag");
  tagInstances(instances, callerTags(params), emit);
  return { return: true };
}

/** DeleteTags. Without a list of tags it removes all tags except AWS's. */
export function deleteTags(state: Ec2State, params: Params, emit: Emit): XmlFields {
  const instances = tagged(state, params);
  const asked = structures(params, "Tag");
  for (const instance of instances) {
    const changed = [...instance.tags].filter(
      ([key, value]) => !key.startsWith("aws:") && (asked.length === 0 || asked.some((tag) => meant(tag, key, value))),
    );
    for (const [key] of changed) instance.tags.delete(key);
    emitTagChange(instance, changed, emit);
  }
  return { return: true };
}

function emitTagChange(
  instance: Instance,
  changed: readonly (readonly [key: string, value: string])[],
  emit: Emit,
): void {
  if (changed.length === 0) return;
  const keys = changed.map(([key]) => key);
  emit(tagChange(instance, keys));
}

function tagged(state: Ec2State, params: Params): Instance[] {
  const ids = texts(params, "ResourceId");
  if (ids.length === 0) throw missing("ResourceId");
  const other = ids.find((id) => !id.startsWith("i-"));
  if (other !== undefined) throw new AwsError("InvalidID", `The ID '${other}' is not valid`);
  return changeableInstances(state, ids);
}

/** Returns whether DeleteTags removes a tag: without a value it removes the key with any value. */
function meant(tag: Params, key: string, value: string): boolean {
  return text(tag, "Key") === key && (text(tag, "Value") ?? value) === value;
}
