//! Whoever looks at titles: what they may do with each, how far they watched it, and whom they
//! are told it belongs to. Read once for a whole page.

use std::collections::HashMap;

use catalog::progress::WatchedAt;
use model::error::Result;
use model::id::{TitleId, UserId};
use model::people::Principal;
use model::rights::{Audience, Want, may};
use model::title::Title;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::words;
use crate::app::App;
use crate::caller::Standing;

/// Somebody, and what is theirs of the titles they look at.
pub(crate) struct Onlooker {
    who: Principal,
    audience: Audience,
    names: HashMap<UserId, String>,
    watched: HashMap<TitleId, WatchedAt>,
}

/// Who added a title.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Owner {
    #[schema(schema_with = words::identifier)]
    id: UserId,
    /// What they sign in with.
    name: String,
}

/// What whoever asks may do with a title besides watching it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct May {
    /// Change its words and rights, delete it, steer its job.
    change: bool,
    /// Fetch the original.
    download: bool,
}

/// How far whoever asks watched a title.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Watched {
    position_s: f64,
    /// They saw the end, or nearly.
    finished: bool,
}

impl Onlooker {
    /// Whoever stands there, in front of `titles`.
    pub(crate) async fn of(app: &App, standing: &Standing, titles: &[Title]) -> Result<Self> {
        let catalog = &app.site.catalog;
        let mut onlooker = Self {
            who: standing.who.clone(),
            audience: standing.audience,
            names: HashMap::new(),
            watched: HashMap::new(),
        };
        // Guests are not told who lives here.
        let Some(user) = standing.who.user() else {
            return Ok(onlooker);
        };
        let ids: Vec<TitleId> = titles.iter().map(|title| title.id).collect();
        onlooker.watched = catalog.watched(user, &ids).await?;
        if titles.iter().any(|title| title.owner.is_some()) {
            let users = catalog.users().await?.into_iter();
            onlooker.names = users.map(|user| (user.id, user.name)).collect();
        }
        Ok(onlooker)
    }

    pub(crate) fn may(&self, title: &Title) -> May {
        let may = |want| may(&self.who, want, title.rights(), self.audience);
        May {
            change: may(Want::Change),
            download: may(Want::Download),
        }
    }

    pub(crate) fn owner(&self, title: &Title) -> Option<Owner> {
        let id = title.owner?;
        let name = self.names.get(&id)?.clone();
        Some(Owner { id, name })
    }

    pub(crate) fn watched(&self, title: &Title) -> Option<Watched> {
        self.watched.get(&title.id).map(Watched::of)
    }
}

impl Watched {
    #[expect(
        clippy::cast_precision_loss,
        reason = "the catalog takes no film that is longer than a month"
    )]
    fn of(seen: &WatchedAt) -> Self {
        Self {
            position_s: seen.position_ms as f64 / 1_000.0,
            finished: seen.finished,
        }
    }
}
