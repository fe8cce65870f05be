//! Facts for pages in tests: as handlers give them, with names that try to be markup.

use serde_json::{Value, json};

/// A name that must stay text wherever it stands.
pub(crate) const HOSTILE: &str = "</script><img src=x onerror=alert(1)>{{7*7}}\u{2028}";

/// The frame of a page for an admin called `name`.
pub(crate) fn shell(name: &str) -> Value {
    json!({
        "house": name, "claimed": true,
        "user": { "id": "01jd0000000000000000000009", "name": name, "role": "admin" },
        "may": { "upload": true, "follow": true, "settings": true },
        "inbox": 3, "jobs": { "running": true, "part": 0.4 }
    })
}

/// `facts` in a frame.
pub(crate) fn framed(name: &str, mut facts: Value) -> Value {
    facts["shell"] = shell(name);
    facts
}

/// A title as the API describes it, half encoded.
pub(crate) fn film(name: &str) -> Value {
    json!({
        "id": "01jd0000000000000000000000", "name": name, "state": "playable",
        "reason": null, "added_at": "2025-11-23T10:00:00Z", "duration_s": 5400.0,
        "poster": "/media/x/poster.jpg",
        "posters": [
            { "number": 1, "url": "/media/x/poster-1.jpg", "chosen": false },
            { "number": 2, "url": "/media/x/poster-2.jpg", "chosen": true }
        ],
        "thumbs": {
            "width": 320, "height": 180, "columns": 10, "rows": 10, "every_s": 10.0, "count": 540,
            "sheets": ["/media/x/thumbs-1.jpg", null]
        },
        "source": { "container": name, "subtitle_tracks": 1 },
        "notes": [name], "job": null, "file": name, "size_bytes": 1_440_000_000,
        "width": 1920, "height": 1080, "description": name, "visibility": "only_me",
        "owner": { "id": "01jd0000000000000000000009", "name": name },
        "may": { "change": true, "download": true },
        "watched": { "position_s": 760.0, "finished": false }, "place": "local",
        "audio": [{ "language": "eng", "name": name, "channels": 2 }],
        "progress": { "step": "encoding", "fraction": 0.42, "seconds_left": 190.0 },
        "rungs": [
            { "stream": 0, "name": 360, "width": 640, "height": 360, "ready": 1.0 },
            { "stream": 1, "name": 480, "width": 854, "height": 480, "ready": 0.5 }
        ],
        "strip": {
            "cells": [{ "start": 0.0, "end": 0.5, "lit": [1.0, 1.0] }, { "start": 0.5, "end": 1.0, "lit": [0.5, 0.0] }],
            "working": 1, "wished": []
        }
    })
}

/// A library of these titles.
pub(crate) fn library(videos: &[Value]) -> Value {
    json!({
        "query": "", "page": 1, "pages": 1, "total": videos.len(), "videos": videos,
        "arrivals": [], "problems": [], "newer": null, "older": null,
        "folders": [{ "path": "/home/ada/Homereel/Drop", "online": true, "reason": null }]
    })
}

/// An account called `name` with a device and a token.
pub(crate) fn account(name: &str) -> Value {
    json!({
        "account": { "name": name, "email": name, "first_name": name, "last_name": name, "role": "viewer" },
        "sessions": [
            { "id": "a", "device": { "name": name, "phone": true }, "created_at": "2025-11-23T10:00:00Z", "last_seen_at": "2025-11-23T10:00:00Z", "current": true },
            { "id": "b", "device": { "name": name, "phone": false }, "created_at": "2025-11-23T10:00:00Z", "last_seen_at": "2025-11-23T10:00:00Z", "current": false }
        ],
        "tokens": [{ "id": "t", "label": name, "scope": "webdav", "last_used_at": null, "expires_at": "2026-11-23T10:00:00Z" }]
    })
}

/// People and invitations.
pub(crate) fn people(name: &str) -> Value {
    json!({
        "people": [
            { "id": "01jd0000000000000000000009", "name": name, "email": null, "first_name": "", "last_name": "", "role": "admin", "active": true },
            { "id": "01jd0000000000000000000008", "name": name, "email": name, "first_name": name, "last_name": name, "role": "viewer", "active": false }
        ],
        "invites": [{ "id": "i", "note": name, "role": "uploader", "expires_at": "2026-11-23T10:00:00Z", "expired": false, "used_by": name }]
    })
}
