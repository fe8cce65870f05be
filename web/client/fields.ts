// The fields of a form as JSON, and what is wrong with them in words. What does not belong here:
// sending (`form.ts`).

/** What a field contributes; the part of an element that matters, so that tests need no browser. */
export interface FieldValue {
  name: string;
  value: string;
  /** `boolean`, `number`, or text. */
  type: string;
  /** What an empty text means: `keep` it, `omit` the field, or `null`. */
  empty: string;
}

type Json = { [key: string]: unknown };

/** The fields as one object; a dot in a name is a step down. */
export function toJson(fields: readonly FieldValue[]): Json {
  const whole: Json = {};
  for (const field of fields) {
    const value = convert(field);
    if (value !== undefined) {
      put(whole, field.name.split("."), value);
    }
  }
  return whole;
}

function convert({ value, type, empty }: FieldValue): unknown {
  if (type === "boolean") {
    return value === "true";
  }
  if (value === "" && empty === "omit") {
    return undefined;
  }
  if (value === "" && empty === "null") {
    return null;
  }
  return type === "number" ? Number(value) : value;
}

function put(object: Json, path: readonly string[], value: unknown): void {
  const [first, ...rest] = path;
  if (first === undefined || first === "__proto__") {
    return;
  }
  if (rest.length === 0) {
    object[first] = value;
    return;
  }
  const inner = (object[first] ?? {}) as Json;
  object[first] = inner;
  put(inner, rest, value);
}

/** Everything the form says, in the order of its fields. */
export function valuesOf(form: HTMLFormElement): FieldValue[] {
  return [...form.elements].flatMap((element): FieldValue[] => {
    if (!isField(element) || !element.name || element.disabled) {
      return [];
    }
    const type = element.dataset["type"] ?? "text";
    const box = element instanceof HTMLInputElement && element.type === "checkbox";
    if (element instanceof HTMLInputElement && element.type === "radio" && !element.checked) {
      return [];
    }
    return [
      {
        name: element.name,
        value: box ? String(element.checked) : element.value,
        type: box ? "boolean" : type,
        empty: element.dataset["empty"] ?? "keep",
      },
    ];
  });
}

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

export function isField(element: Element): element is Field {
  return (
    element instanceof HTMLInputElement ||
    element instanceof HTMLTextAreaElement ||
    element instanceof HTMLSelectElement
  );
}

/** What is wrong with a field, for people; empty if nothing is. */
export function troubleWith(
  validity: Partial<ValidityState>,
  label: string,
  limits: { min: number; max: number },
): string {
  if (validity.valueMissing) {
    return `${label} is needed.`;
  }
  if (validity.tooShort) {
    return `At least ${limits.min} characters, please.`;
  }
  if (validity.tooLong) {
    return `At most ${limits.max} characters, please.`;
  }
  if (validity.typeMismatch) {
    return "This does not look like an address.";
  }
  return validity.valid === false ? "This can’t be right." : "";
}
