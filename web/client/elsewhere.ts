// Where other devices reach this house.

import { ask } from "./ask";

/** Where other devices reach this page: `localhost` would be themselves. */
export async function addressOfHouse(): Promise<string> {
  if (!["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) {
    return location.origin;
  }
  try {
    const { urls } = await ask<{ urls: string[] }>("GET", "/api/v1/address");
    return (urls[0] ?? location.origin).replace(/\/$/, "");
  } catch {
    return location.origin;
  }
}
