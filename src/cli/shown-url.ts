/** Returns an endpoint for output. In a URL, user, password and query are removed, because they can hold secrets. */
export function shownUrl(endpoint: string): string {
  if (!/^https?:/i.test(endpoint) || !URL.canParse(endpoint)) return endpoint;
  const { origin, pathname, search } = new URL(endpoint);
  return `${origin}${pathname}${search === "" ? "" : "?…"}`;
}
