// One way to ask the server for something and to learn in words why it refuses. What does not
// belong here: the shapes of answers (`api.ts` and the pages' own modules).

import { Refusal } from "./api";

const NO_ANSWER = "Homereel does not answer. Is it running, and are you in the same network?";

/**
 * Sends `body` as JSON, if there is one, and returns the JSON of the answer.
 *
 * @throws {Refusal} with the server's own sentence; status 0 when there was no answer.
 */
export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const request: RequestInit = { method, cache: "no-store" };
  if (body !== undefined) {
    request.headers = { "content-type": "application/json" };
    request.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new Refusal(0, NO_ANSWER);
  }
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const { detail, field } = (answer ?? {}) as { detail?: unknown; field?: unknown };
    throw new Refusal(
      response.status,
      typeof detail === "string" ? detail : NO_ANSWER,
      typeof field === "string" ? field : undefined,
    );
  }
  return answer as T;
}

/** What to tell a person about `error`. */
export function wordsFor(error: unknown): string {
  return error instanceof Refusal ? error.message : "Something in this page went wrong. Reload it?";
}
