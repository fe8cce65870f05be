// The shapes of `/api/v1/settings`, `/storage` and `/folders` as the settings page reads them.

export interface Bucket {
  endpoint: string;
  name: string;
  region: string;
  access_key: string;
  /** Never comes from the server; `null` keeps the one it has. */
  secret_key: string | null;
  path_style: boolean;
  prefix: string;
  public_base_url: string | null;
}

export interface Settings {
  house_name: string;
  audience: "anyone" | "members";
  open_sign_up: boolean;
  rates: "home" | "public";
  encoding_paused: boolean;
  speed: "fast" | "balanced" | "small";
  top_rung: number;
  place: "local" | "bucket";
  bucket: Bucket | null;
  discoverable: boolean;
  hardware_encoding: boolean;
  hardware: { encoder: string | null; sentence: string } | null;
}

export interface Check {
  what: string;
  ok: boolean;
  sentence: string;
}

export interface StorageFacts {
  place: "local" | "bucket";
  local: { used_bytes: number; free_bytes: number | null };
  bucket: { used_bytes: number; reachable: boolean; reason: string | null } | null;
}

export interface Folder {
  id: string;
  path: string;
  /** Unknown until it was looked at. */
  online: boolean | null;
  reason: string | null;
}
