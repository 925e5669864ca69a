const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** The size from which a part ends, in bytes. Node cannot hold a text of over 512 MB, and parsing takes several times its size. */
const PART_BYTES = 32 * 1024 * 1024;

/**
 * Splits JSON into documents of about `size` bytes with the same content: a list into shorter lists, and an object with a long
 * list, `{"Reservations": [...]}`, into objects with shorter lists. Only lists of an object are kept then. JSON of up to `size` bytes is
 * one part, as it is. Of text that is cut off, the last part is not JSON.
 */
export function* jsonParts(json: Buffer, size = PART_BYTES): Generator<string> {
  if (json.length <= size) return yield json.toString("utf8");
  const isList = json.find((byte) => byte > 0x20) === OPEN_LIST;
  // Items are the parts of a list at the top, or of a list in an object at the top.
  const itemDepth = isList ? 1 : 2;
  let depth = 0;
  let start = 0;
  let prefix = "";
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) at = endOfString(json, at);
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      depth += 1;
      if (depth === 1 || (byte === OPEN_LIST && depth === itemDepth)) {
        prefix = depth < itemDepth ? "" : isList ? "[" : `{${json.toString("utf8", start, at + 1)}`;
        start = at + 1;
      }
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      depth -= 1;
      if (byte === CLOSE_LIST && depth === itemDepth - 1) {
        yield `${prefix}${json.toString("utf8", start, at)}${isList ? "]" : "]}"}`;
        prefix = "";
        start = at + 1;
      }
    } else if (byte === COMMA && depth === itemDepth && at - start >= size && prefix !== "") {
      yield `${prefix}${json.toString("utf8", start, at)}${isList ? "]" : "]}"}`;
      start = at + 1;
    } else if (byte === COMMA && depth < itemDepth) start = at + 1;
  }
  if (depth !== 0) yield `${prefix}${json.toString("utf8", start)}`;
}

/** Returns the index of the string's closing quote, or the length if there is none. */
function endOfString(json: Buffer, from: number): number {
  let at = from + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
