import type { Packed } from "../packed.ts";

declare global {
  interface Uint8ArrayConstructor {
    /** In browsers since 2025. */
    fromBase64?(text: string): Uint8Array<ArrayBuffer>;
  }
}

/** Reads the packed findings of the page, and frees their element. Throws Error where the browser cannot unpack them. */
export async function load(element: Element): Promise<Packed> {
  const bytes = bytesOf(element.textContent ?? "");
  element.remove();
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64?.(base64) ?? Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
