// The page where one makes an account: with an invitation, or, where the house is open, without. What
// does not belong here: reading the invitation (`entry.ts`).

/** What matters of an element, so that tests need no browser. */
interface Part {
  hidden: boolean | string;
  dataset: DOMStringMap;
}

/**
 * Makes the form one for people who were not invited, and shows those of its `parts` that are for
 * them; false if the house is not open to them.
 */
export function openWithoutInvitation(
  form: Pick<Part, "dataset">,
  parts: Iterable<Part>,
): boolean {
  const other = form.dataset["withoutToken"];
  if (!other) {
    return false;
  }
  form.dataset["send"] = other;
  for (const part of parts) {
    part.hidden = part.dataset["when"] !== "open";
  }
  return true;
}
