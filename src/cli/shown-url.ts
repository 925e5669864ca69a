/** An endpoint as it may be shown: of a URL, user, password and query can hold secrets. Another endpoint stays as it is. */
export function shownUrl(endpoint: string): string {
  if (!/^https?:/i.test(endpoint) || !URL.canParse(endpoint)) return endpoint;
  const { origin, pathname, search } = new URL(endpoint);
  return `${origin}${pathname}${search === "" ? "" : "?…"}`;
}
