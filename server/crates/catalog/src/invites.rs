//! Invitations to make an account: made by an admin, good for one person, until a moment.

use std::time::Duration;

use model::change::Change;
use model::clock::WallTime;
use model::error::{ErrorKind, Result};
use model::id::{InviteId, UserId};
use model::people::{Invite, Role, User};
use rusqlite::Connection;

use crate::Catalog;
use crate::column::shortened;
use crate::failure::{Failure, Outcome};
use crate::people::{self, NewUser};
use crate::table::invites::{self, InviteRow};
use crate::table::users;

/// The longest note, in characters.
const NOTE_CHARS: usize = 200;
/// The most invitations that are listed.
const LISTED: u32 = 200;
/// How long an invitation stays listed after it has ended.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// An invitation that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvite {
    /// Who invites.
    pub by: UserId,
    /// SHA-256 of the secret in the link.
    pub secret_hash: [u8; 32],
    /// The part the new person will have.
    pub role: Role,
    /// Whom it is meant for; may be empty.
    pub note: String,
    /// It ends then.
    pub expires_at: WallTime,
}

impl Catalog {
    /// Makes an invitation, and forgets those that ended a month ago.
    ///
    /// # Errors
    /// `NotFound` if there is no such person, else errors of the catalog.
    pub async fn add_invite(&self, new: NewInvite) -> Result<Invite> {
        self.write("inviting somebody", move |write| {
            let invite = Invite {
                id: InviteId::generate(),
                by: new.by,
                role: new.role,
                note: shortened(&new.note, NOTE_CHARS),
                created_at: write.now,
                expires_at: new.expires_at,
                used_by: None,
            };
            let kept_ms = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
            let long_ago = WallTime(write.now.0.saturating_sub(kept_ms));
            invites::delete_expired(&write.transaction, long_ago)?;
            if !invites::insert(&write.transaction, &invite, new.secret_hash)? {
                let message = format!("there is no account {}", new.by);
                return Err(Failure::rule(ErrorKind::NotFound, message));
            }
            write.announce(Change::People);
            Ok(invite)
        })
        .await
    }

    /// Invitations, newest first, also used ones and such that ended lately.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn invites(&self) -> Result<Vec<Invite>> {
        self.read("listing invitations", |transaction, _| {
            let rows = invites::newest(transaction, LISTED)?;
            Ok(rows.into_iter().map(|row| row.invite).collect())
        })
        .await
    }

    /// Takes an invitation back. One that does not exist counts as taken back.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn remove_invite(&self, id: InviteId) -> Result<()> {
        self.write("taking back an invitation", move |write| {
            if invites::delete(&write.transaction, id)? {
                write.announce(Change::People);
            }
            Ok(())
        })
        .await
    }

    /// The invitation with that secret, which can be accepted at this moment.
    ///
    /// # Errors
    /// `NotFound` if there is none or nobody stands behind it any more, `Conflict` if it was used
    /// or has ended.
    pub async fn check_invite(&self, hash: [u8; 32]) -> Result<Invite> {
        let now = self.now();
        self.read("looking up an invitation", move |transaction, _| {
            Ok(usable(transaction, now, hash)?.invite)
        })
        .await
    }

    /// Makes the account of somebody who was invited, with the role the invitation gives. It is
    /// used up in the same transaction.
    ///
    /// # Errors
    /// As [`Catalog::check_invite`] and [`Catalog::add_user`].
    pub async fn accept_invite(&self, hash: [u8; 32], user: NewUser) -> Result<User> {
        self.write("accepting an invitation", move |write| {
            let row = usable(&write.transaction, write.now, hash)?;
            let role = row.invite.role;
            let user = people::add(write, NewUser { role, ..user })?;
            invites::set_used(&write.transaction, row.serial, user.serial)?;
            Ok(user.user)
        })
        .await
    }
}

fn usable(connection: &Connection, now: WallTime, hash: [u8; 32]) -> Outcome<InviteRow> {
    let row = invites::by_secret(connection, hash)?;
    let by = match &row {
        Some(row) => users::by_id(connection, row.invite.by)?,
        None => None,
    };
    // An invitation is worth as much as the word of whoever gave it.
    let vouched = by.is_some_and(|by| by.user.is_active_admin());
    let Some(row) = row.filter(|_| vouched) else {
        let message = "this invitation does not exist any more; ask for another one";
        return Err(Failure::rule(ErrorKind::NotFound, message));
    };
    let refuse = |message: &str| Err(Failure::rule(ErrorKind::Conflict, message));
    if row.invite.used_by.is_some() {
        return refuse("this invitation was used already; ask for another one");
    }
    if row.invite.expires_at <= now {
        return refuse("this invitation has ended; ask for another one");
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::error::ErrorKind;
    use model::people::{Role, User};

    use super::NewInvite;
    use crate::people::UserChange;
    use crate::testing::{House, new_user};

    fn invite(house: &House, by: &User, secret: u8) -> NewInvite {
        NewInvite {
            by: by.id,
            secret_hash: [secret; 32],
            role: Role::Uploader,
            note: "for Eve".to_owned(),
            expires_at: house.catalog.now().plus(Duration::from_secs(60)),
        }
    }

    #[tokio::test]
    async fn an_invitation_is_good_for_one_person() {
        let house = House::new();
        let ada = house.person("ada", Role::Admin).await;
        let new = invite(&house, &ada, 1);
        let made = house.catalog.add_invite(new).await.unwrap();
        let found = house.catalog.check_invite([1; 32]).await.unwrap();
        assert_eq!(found, made);
        let accept = |name| {
            let eve = new_user(name, Role::Admin);
            house.catalog.accept_invite([1; 32], eve)
        };
        let taken = accept("ada").await.unwrap_err();
        assert!(taken.message().contains("is taken"), "{taken}");
        let eve = accept("eve").await.unwrap();
        assert_eq!(eve.role, Role::Uploader, "the role is the invitation's");
        let again = accept("mallory").await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Conflict);
        let checked = house.catalog.check_invite([1; 32]).await.unwrap_err();
        assert_eq!(checked.kind(), ErrorKind::Conflict);
        let listed = house.catalog.invites().await.unwrap();
        assert_eq!(listed[0].used_by, Some(eve.id));
        house.catalog.remove_user(eve.id).await.unwrap();
        let again = accept("mallory").await.unwrap_err();
        assert_eq!(
            again.kind(),
            ErrorKind::NotFound,
            "it does not come back when the one who used it goes"
        );
    }

    #[tokio::test]
    async fn an_invitation_ends_with_time_or_when_it_is_taken_back() {
        let house = House::new();
        let ada = house.person("ada", Role::Admin).await;
        let accept = |secret: u8| {
            let eve = new_user("eve", Role::Viewer);
            house.catalog.accept_invite([secret; 32], eve)
        };
        let adding = house.catalog.add_invite(invite(&house, &ada, 1));
        let taken_back = adding.await.unwrap().id;
        house.catalog.remove_invite(taken_back).await.unwrap();
        house.catalog.remove_invite(taken_back).await.unwrap();
        assert_eq!(accept(1).await.unwrap_err().kind(), ErrorKind::NotFound);
        let adding = house.catalog.add_invite(invite(&house, &ada, 2));
        adding.await.unwrap();
        house.clock.advance(Duration::from_secs(60));
        let late = accept(2).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Conflict);
        assert!(late.message().contains("has ended"), "{late}");
        assert_eq!(house.catalog.users().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_invitation_ends_with_the_power_of_whoever_gave_it() {
        let house = House::new();
        house.person("owner", Role::Admin).await;
        for (secret, change) in [
            UserChange {
                role: Some(Role::Uploader),
                ..UserChange::default()
            },
            UserChange {
                active: Some(false),
                ..UserChange::default()
            },
        ]
        .into_iter()
        .enumerate()
        {
            let name = format!("ada {secret}");
            let ada = house.person(&name, Role::Admin).await;
            let secret = u8::try_from(secret).unwrap();
            let adding = house.catalog.add_invite(invite(&house, &ada, secret));
            let made = adding.await.unwrap();
            house
                .catalog
                .change_user(ada.id, change, None)
                .await
                .unwrap();
            let eve = new_user("eve", Role::Viewer);
            let late = house.catalog.accept_invite([secret; 32], eve).await;
            assert_eq!(late.unwrap_err().kind(), ErrorKind::NotFound, "{name}");
            let listed = house.catalog.invites().await.unwrap();
            assert!(!listed.contains(&made), "{name}: it is gone, not asleep");
        }
    }

    #[tokio::test]
    async fn an_invitation_needs_an_admin_behind_it() {
        let house = House::new();
        house.person("owner", Role::Admin).await;
        let bob = house.person("bob", Role::Viewer).await;
        let adding = house.catalog.add_invite(invite(&house, &bob, 7));
        adding.await.unwrap();
        let checked = house.catalog.check_invite([7; 32]).await.unwrap_err();
        assert_eq!(checked.kind(), ErrorKind::NotFound);
    }
}
