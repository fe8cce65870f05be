//! For whom titles are listed: what decides in `model::rights::may`, as statements take it.

use model::id::UserId;
use model::people::{Principal, Role};
use model::rights::Audience;

/// Somebody who looks at the library. The default sees nothing at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Viewer {
    /// The person, if it is one.
    pub user: Option<UserId>,
    /// Looks after everything, so everything is listed.
    pub sees_everything: bool,
    /// People without an account may watch in this house.
    pub guests_may: bool,
}

impl Viewer {
    /// For what the server does by itself, and for admins.
    pub const EVERYTHING: Self = Self {
        user: None,
        sees_everything: true,
        guests_may: true,
    };

    /// As whoever a request comes from.
    pub fn of(who: &Principal, audience: Audience) -> Self {
        Self {
            user: who.user(),
            sees_everything: who.is_at_least(Role::Admin),
            guests_may: audience == Audience::Anyone,
        }
    }
}

#[cfg(test)]
mod tests {
    use model::id::SessionId;
    use model::people::{Credential, Principal, Role};
    use model::rights::{Audience, Visibility, Want, may};
    use model::upload::Details;

    use super::Viewer;
    use crate::admission::Admission;
    use crate::library::TitleQuery;
    use crate::testing::{House, candidate};

    /// The rule is written twice, in Rust and in SQL; here they meet over all there is.
    #[tokio::test]
    async fn a_listing_shows_exactly_what_may_be_watched() {
        let house = House::new();
        let mut callers = vec![Principal::Guest];
        let mut owners = vec![None];
        for (name, role) in [
            ("vera", Role::Viewer),
            ("ursula", Role::Uploader),
            ("ada", Role::Admin),
        ] {
            let user = house.person(name, role).await;
            owners.push(Some(user.id));
            // A token may say less than its owner's role.
            for role in [Role::Viewer, Role::Uploader, Role::Admin] {
                callers.push(Principal::Person {
                    user: user.id,
                    name: name.to_owned(),
                    role: role.min(user.role),
                    by: Credential::Session(SessionId::generate()),
                });
            }
        }
        let mut titles = Vec::new();
        for owner in owners {
            for visibility in [
                Visibility::Everyone,
                Visibility::Members,
                Visibility::OnlyMe,
            ] {
                let path = format!("/films/{owner:?}-{visibility:?}.mp4");
                let mut film = candidate(&path, &path);
                film.details = Details {
                    owner,
                    visibility,
                    ..Details::default()
                };
                let Admission::New(id) = house.catalog.admit(film).await.unwrap() else {
                    panic!("{path} is new");
                };
                titles.push(house.title(id).await);
            }
        }
        for caller in &callers {
            for audience in [Audience::Anyone, Audience::Members] {
                for text in [None, Some("films".to_owned())] {
                    let query = TitleQuery {
                        who: Viewer::of(caller, audience),
                        text: text.clone(),
                        per_page: 100,
                        ..TitleQuery::default()
                    };
                    let page = house.catalog.titles(query).await.unwrap();
                    for title in &titles {
                        assert_eq!(
                            page.titles.iter().any(|listed| listed.id == title.id),
                            may(caller, Want::Watch, title.rights(), audience),
                            "{:?} by {caller:?} where {audience:?}, text {text:?}",
                            title.name
                        );
                    }
                    assert_eq!(page.total, page.titles.len() as u64, "{caller:?} {text:?}");
                }
            }
        }
        assert!(house.catalog.integrity().await.unwrap().is_empty());
    }
}
