//! `GET /users`: who has an account, and who is invited.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use model::clock::WallTime;
use model::id::{InviteId, UserId};
use model::people::{Invite, User};
use serde::Serialize;

use crate::app::App;
use crate::caller::Standing;
use crate::pages::{PageProblem, page};
use crate::rfc3339;

/// What the page shows.
#[derive(Debug, Serialize)]
struct Facts {
    people: Vec<PersonFacts>,
    invites: Vec<InviteFacts>,
}

#[derive(Debug, Serialize)]
struct PersonFacts {
    id: UserId,
    name: String,
    email: Option<String>,
    first_name: String,
    last_name: String,
    role: &'static str,
    active: bool,
}

#[derive(Debug, Serialize)]
struct InviteFacts {
    id: InviteId,
    note: String,
    role: &'static str,
    expires_at: String,
    expired: bool,
    /// Who took it, by name.
    used_by: Option<String>,
}

/// `GET /users`
pub(crate) async fn show(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, PageProblem> {
    let catalog = &app.site.catalog;
    let people = catalog.users().await?;
    let names: HashMap<UserId, String> = people
        .iter()
        .map(|user| (user.id, user.name.clone()))
        .collect();
    let now = app.site.clock.now();
    let invites = catalog.invites().await?;
    let facts = Facts {
        people: people.into_iter().map(PersonFacts::new).collect(),
        invites: invites
            .into_iter()
            .map(|invite| InviteFacts::new(invite, &names, now))
            .collect(),
    };
    page(&app, &standing, "users.html", &facts).await
}

impl PersonFacts {
    fn new(user: User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            email: user.email,
            first_name: user.first_name,
            last_name: user.last_name,
            role: user.role.as_str(),
            active: user.active,
        }
    }
}

impl InviteFacts {
    fn new(invite: Invite, names: &HashMap<UserId, String>, now: WallTime) -> Self {
        let taken = |user| names.get(&user).cloned();
        Self {
            id: invite.id,
            note: invite.note,
            role: invite.role.as_str(),
            expires_at: rfc3339::format(invite.expires_at),
            expired: invite.expires_at <= now,
            used_by: invite
                .used_by
                .map(|user| taken(user).unwrap_or_else(|| "somebody who left".to_owned())),
        }
    }
}
