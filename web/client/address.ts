// Where other screens find this server, as pages show it. What does not belong here: asking for it.

/** The server's answer. */
export interface Address {
  /** The best first; none if only this machine reaches it. */
  urls: string[];
  /** The first of them as a picture. */
  qr_svg_url: string | null;
}

/**
 * What to show: the server's addresses, or the page's own where it has none; and a picture only where
 * there is something that a telephone reaches.
 */
export function shownOf(
  address: Address | null,
  own: string,
): { urls: string[]; picture: string | null } {
  const urls = address && address.urls.length > 0 ? address.urls : [own];
  return { urls, picture: address?.qr_svg_url ?? null };
}
