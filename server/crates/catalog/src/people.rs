//! People with an account, and the one who made the house theirs. What does not belong here:
//! passwords (`delivery` hashes and checks them), and what each may do (`model::rights`).

use model::change::Change;
use model::error::{Error, ErrorKind, Result};
use model::id::{SessionId, UserId};
use model::people::{EMAIL_BYTES, REAL_NAME_CHARS, Role, USER_NAME_CHARS, User};
use model::settings::Settings;

use crate::failure::{Failure, Outcome};
use crate::table::users::UserRow;
use crate::table::{house, invites, sessions, tokens, users};
use crate::{Catalog, Write};

/// The longest hash of a password, in bytes; argon2id in the format PHC has about 100.
const PASSWORD_HASH_BYTES: usize = 512;

/// The most accounts; a household has a handful, and pages list all of them.
const MOST_USERS: usize = 1_000;

/// Whether somebody has made the house theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetupState {
    /// Somebody did, once and for ever.
    pub claimed: bool,
}

/// A person who is to have an account.
#[derive(Clone, PartialEq, Eq)]
pub struct NewUser {
    /// What they sign in with.
    pub name: String,
    /// The other thing they can sign in with.
    pub email: Option<String>,
    /// Given name; may be empty.
    pub first_name: String,
    /// Family name; may be empty.
    pub last_name: String,
    /// In the format PHC.
    pub password_hash: String,
    /// Their part in the house.
    pub role: Role,
}

/// What is to be different about a person; `None` leaves it as it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// What they sign in with.
    pub name: Option<String>,
    /// The other thing they can sign in with; `Some(None)` takes it away.
    pub email: Option<Option<String>>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Their part in the house.
    pub role: Option<Role>,
    /// Whether they may sign in.
    pub active: Option<bool>,
    /// In the format PHC.
    pub password_hash: Option<String>,
}

impl Catalog {
    /// Whether the house is set up. This is a fact of its own: a house without accounts may be
    /// claimed.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn setup_state(&self) -> Result<SetupState> {
        self.read("reading whether the house is set up", |transaction, _| {
            let claimed = house::is_claimed(transaction)?;
            Ok(SetupState { claimed })
        })
        .await
    }

    /// Makes the house theirs who asks first: their account, an admin's whatever it says, and the
    /// settings come into being together with the fact.
    ///
    /// # Errors
    /// `Conflict` if the house is claimed already, otherwise as [`Catalog::add_user`].
    pub async fn claim_house(&self, owner: NewUser, settings: Settings) -> Result<User> {
        self.write("setting up the house", move |write| {
            if !house::claim(&write.transaction, write.now)? {
                let message = "this house is set up already; sign in instead";
                return Err(Failure::rule(ErrorKind::Conflict, message));
            }
            write.set_settings(settings)?;
            let owner = NewUser {
                role: Role::Admin,
                ..owner
            };
            Ok(add(write, owner)?.user)
        })
        .await
    }

    /// Makes an account. That of an admin claims a house that nobody claimed.
    ///
    /// # Errors
    /// `Conflict` if somebody signs in with that name or address, whatever the case of its
    /// letters; `InvalidInput` if a field is empty or too long.
    pub async fn add_user(&self, user: NewUser) -> Result<User> {
        self.write("making an account", move |write| {
            if user.role == Role::Admin {
                house::claim(&write.transaction, write.now)?;
            }
            Ok(add(write, user)?.user)
        })
        .await
    }

    /// The person, if there is one.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        self.read("reading an account", move |transaction, _| {
            Ok(users::by_id(transaction, id)?.map(|row| row.user))
        })
        .await
    }

    /// Everybody, by name.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn users(&self) -> Result<Vec<User>> {
        self.read("reading the accounts", |transaction, _| {
            let rows = users::all(transaction)?;
            Ok(rows.into_iter().map(|row| row.user).collect())
        })
        .await
    }

    /// Who signs in with `credential`, an address or a name, and the hash of their password.
    /// They may not be allowed to: look at `active`.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn user_for_login(&self, credential: &str) -> Result<Option<(User, String)>> {
        if credential.len() > EMAIL_BYTES * 2 {
            return Ok(None);
        }
        let credential = credential.to_owned();
        self.read("looking up who signs in", move |transaction, _| {
            let row = users::for_login(transaction, &credential)?;
            Ok(row.map(|row| (row.user, row.password_hash)))
        })
        .await
    }

    /// Changes a person. Another role or password, and a person who may not sign in any more,
    /// end all their sign-ins and tokens, but for the sign-in `keep`. The unused invitations of
    /// somebody who is no admin any more, or may not sign in, end as well.
    ///
    /// # Errors
    /// `NotFound` if there is no such person, `Conflict` if they are the last admin who may sign
    /// in and would be none any more, otherwise as [`Catalog::add_user`].
    pub async fn change_user(
        &self,
        id: UserId,
        change: UserChange,
        keep: Option<SessionId>,
    ) -> Result<User> {
        self.write("changing an account", move |write| {
            change_user(write, id, change, keep)
        })
        .await
    }

    /// Removes a person with their sign-ins, tokens and invitations. Their titles stay without an
    /// owner; those they kept to themselves are then the admins'.
    ///
    /// # Errors
    /// `NotFound` if there is no such person, `Conflict` if they are the last admin who may sign
    /// in.
    pub async fn remove_user(&self, id: UserId) -> Result<()> {
        self.write("removing an account", move |write| {
            let row = known(write, id)?;
            demand_another_admin(write, &row)?;
            users::delete(&write.transaction, row.serial)?;
            write.announce(Change::People);
            Ok(())
        })
        .await
    }
}

/// Makes an account in a transaction that may do more.
pub(crate) fn add(write: &mut Write<'_>, user: NewUser) -> Outcome<UserRow> {
    let NewUser {
        role,
        password_hash,
        ..
    } = user;
    let user = User {
        id: UserId::generate(),
        name: user.name.trim().to_owned(),
        email: tidy_email(user.email),
        first_name: user.first_name.trim().to_owned(),
        last_name: user.last_name.trim().to_owned(),
        role,
        active: true,
        created_at: write.now,
    };
    let mut row = UserRow {
        serial: 0,
        user,
        password_hash,
    };
    check(write, &row)?;
    if users::all(&write.transaction)?.len() >= MOST_USERS {
        let message = format!("there are {MOST_USERS} accounts already; remove one first");
        return Err(Failure::rule(ErrorKind::Conflict, message));
    }
    row.serial = users::insert(&write.transaction, &row.user, &row.password_hash)?;
    write.announce(Change::People);
    Ok(row)
}

/// The person, who must exist.
pub(crate) fn known(write: &Write<'_>, id: UserId) -> Outcome<UserRow> {
    users::by_id(&write.transaction, id)?
        .ok_or_else(|| Failure::rule(ErrorKind::NotFound, format!("there is no account {id}")))
}

fn change_user(
    write: &mut Write<'_>,
    id: UserId,
    change: UserChange,
    keep: Option<SessionId>,
) -> Outcome<User> {
    let before = known(write, id)?;
    let after = changed(before.clone(), change);
    check(write, &after)?;
    if !after.user.is_active_admin() {
        demand_another_admin(write, &before)?;
    }
    users::save(&write.transaction, &after)?;
    let who_they_are = |row: &UserRow| (row.user.role, row.user.active, row.password_hash.clone());
    if before.user.is_active_admin() && !after.user.is_active_admin() {
        invites::delete_unused_of(&write.transaction, after.serial)?;
    }
    if who_they_are(&before) != who_they_are(&after) {
        sessions::delete_of_user(&write.transaction, after.serial, keep)?;
        tokens::delete_of_user(&write.transaction, after.serial)?;
    }
    write.announce(Change::People);
    Ok(after.user)
}

fn changed(mut row: UserRow, change: UserChange) -> UserRow {
    let user = &mut row.user;
    let tidy = |text: String| text.trim().to_owned();
    user.name = change.name.map_or_else(|| user.name.clone(), tidy);
    if let Some(email) = change.email {
        user.email = tidy_email(email);
    }
    if let Some(first_name) = change.first_name {
        user.first_name = tidy(first_name);
    }
    if let Some(last_name) = change.last_name {
        user.last_name = tidy(last_name);
    }
    user.role = change.role.unwrap_or(user.role);
    user.active = change.active.unwrap_or(user.active);
    row.password_hash = change.password_hash.unwrap_or(row.password_hash);
    row
}

/// No address is none, also if it was sent as an empty field.
fn tidy_email(email: Option<String>) -> Option<String> {
    let email = email?.trim().to_owned();
    (!email.is_empty()).then_some(email)
}

/// Somebody must be able to let the others in.
fn demand_another_admin(write: &Write<'_>, row: &UserRow) -> Outcome<()> {
    if row.user.is_active_admin() && users::other_admins(&write.transaction, row.serial)? == 0 {
        let message = format!(
            "{} is the only admin who may sign in; make somebody else an admin first",
            row.user.name
        );
        return Err(Failure::rule(ErrorKind::Conflict, message));
    }
    Ok(())
}

fn check(write: &Write<'_>, row: &UserRow) -> Outcome<()> {
    let user = &row.user;
    check_text("a name to sign in with", &user.name, 1, USER_NAME_CHARS)?;
    check_text("a first name", &user.first_name, 0, REAL_NAME_CHARS)?;
    check_text("a last name", &user.last_name, 0, REAL_NAME_CHARS)?;
    check_text("a hash", &row.password_hash, 1, PASSWORD_HASH_BYTES)?;
    demand_free(write, user.id, &user.name, "the name")?;
    if let Some(email) = &user.email {
        check_text("an e-mail address", email, 3, EMAIL_BYTES)?;
        demand_free(write, user.id, email, "the e-mail address")?;
    }
    Ok(())
}

fn check_text(what: &str, text: &str, fewest: usize, most: usize) -> Result<()> {
    let count = text.chars().count();
    if (fewest..=most).contains(&count) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!("{what} has {fewest} to {most} characters, all of them visible");
    Err(Error::new(ErrorKind::InvalidInput, message))
}

fn demand_free(write: &Write<'_>, id: UserId, credential: &str, what: &str) -> Outcome<()> {
    if users::is_taken(&write.transaction, credential, id)? {
        let message = format!("{what} {credential} is taken; choose another");
        return Err(Failure::rule(ErrorKind::Conflict, message));
    }
    Ok(())
}

impl std::fmt::Debug for NewUser {
    /// Without the hash, which must not reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewUser")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for UserChange {
    /// Without the hash, which must not reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserChange")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use model::change::Change;
    use model::clock::WallTime;
    use model::error::ErrorKind;
    use model::people::Role;
    use model::settings::Settings;

    use super::UserChange;
    use crate::sessions::{NewSession, NewToken};
    use crate::testing::{House, new_user};

    #[tokio::test]
    async fn the_house_is_claimed_once_and_stays_so_without_accounts() {
        let house = House::new();
        let claimed = async || house.catalog.setup_state().await.unwrap().claimed;
        assert!(!claimed().await, "nobody was here yet");
        let settings = Settings {
            house_name: "Ada's".to_owned(),
            ..Settings::default()
        };
        let viewer = new_user("ada", Role::Viewer);
        let owner = house
            .catalog
            .claim_house(viewer.clone(), settings)
            .await
            .unwrap();
        assert_eq!(owner.role, Role::Admin, "whoever claims is the admin");
        assert_eq!(house.catalog.settings().await.unwrap().house_name, "Ada's");
        let emptying = house.catalog.write("emptying", |write| {
            write.transaction.execute("DELETE FROM users", [])?;
            Ok(())
        });
        emptying.await.unwrap();
        assert!(claimed().await, "the fact is stored, not derived");
        let second = house.catalog.claim_house(viewer, Settings::default());
        assert_eq!(second.await.unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(
            house.catalog.settings().await.unwrap().house_name,
            "Ada's",
            "a refused claim changes nothing"
        );
    }

    #[tokio::test]
    async fn an_admin_made_on_the_command_line_claims_the_house() {
        let house = House::new();
        house.person("eve", Role::Viewer).await;
        assert!(!house.catalog.setup_state().await.unwrap().claimed);
        house.person("ada", Role::Admin).await;
        assert!(house.catalog.setup_state().await.unwrap().claimed);
    }

    #[tokio::test]
    async fn names_and_addresses_are_unique_whatever_their_case() {
        let house = House::new();
        let mut ada = new_user("Ada Ö", Role::Viewer);
        ada.email = Some("Ada@Home.test".to_owned());
        let ada = house.catalog.add_user(ada).await.unwrap();
        for credential in ["ada ö", "ADA Ö", "ada@home.TEST", " ada@home.test "] {
            let (found, hash) = house
                .catalog
                .user_for_login(credential)
                .await
                .unwrap()
                .unwrap();
            assert_eq!((found.id, hash.as_str()), (ada.id, "$argon2id$x"));
        }
        assert!(house.catalog.user_for_login("ada").await.unwrap().is_none());
        for (name, email) in [
            ("ADA Ö", None),
            ("bob", Some("ADA@home.test")),
            ("ada@home.test", None),
            ("bob", Some("ada ö")),
        ] {
            let mut bob = new_user(name, Role::Viewer);
            bob.email = email.map(str::to_owned);
            let error = house.catalog.add_user(bob).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{name} {email:?}");
            assert!(error.message().contains("is taken"), "{error}");
        }
        let same = UserChange {
            name: Some("ada ö".to_owned()),
            ..UserChange::default()
        };
        let renamed = house.catalog.change_user(ada.id, same, None).await.unwrap();
        assert_eq!(renamed.name, "ada ö", "one's own name is not taken");
    }

    #[tokio::test]
    async fn what_is_empty_or_endless_is_refused() {
        let house = House::new();
        for name in ["", "  ", "a\nb", &"x".repeat(41)] {
            let error = house.catalog.add_user(new_user(name, Role::Viewer)).await;
            assert_eq!(
                error.unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{name:?}"
            );
        }
        let mut blank = new_user("ada", Role::Viewer);
        blank.email = Some(" ".to_owned());
        let ada = house.catalog.add_user(blank).await.unwrap();
        assert_eq!(ada.email, None, "an empty field is no address");
    }

    #[tokio::test]
    async fn the_last_admin_can_neither_go_nor_be_made_less() {
        let house = House::new();
        let ada = house.person("ada", Role::Admin).await;
        let bob = house.person("bob", Role::Admin).await;
        let change = |change: UserChange| house.catalog.change_user(ada.id, change, None);
        let inactive = UserChange {
            active: Some(false),
            ..UserChange::default()
        };
        let viewer = UserChange {
            role: Some(Role::Viewer),
            ..UserChange::default()
        };
        house
            .catalog
            .change_user(bob.id, inactive.clone(), None)
            .await
            .unwrap();
        for refused in [
            change(inactive).await.map(drop),
            change(viewer).await.map(drop),
            house.catalog.remove_user(ada.id).await,
        ] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(error.message().contains("only admin"), "{error}");
        }
        house.catalog.remove_user(bob.id).await.unwrap();
        assert_eq!(
            house.catalog.users().await.unwrap(),
            std::slice::from_ref(&ada)
        );
        let gone = house.catalog.remove_user(bob.id).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn another_role_or_password_ends_what_was_signed_in() {
        let house = House::new();
        let ada = house.person("ada", Role::Uploader).await;
        let never = WallTime(i64::MAX);
        let session = |byte: u8| NewSession {
            user: ada.id,
            secret_hash: [byte; 32],
            device: "a browser".to_owned(),
            expires_at: never,
        };
        house.catalog.add_session(session(1)).await.unwrap();
        let kept = house.catalog.add_session(session(2)).await.unwrap();
        let token = NewToken {
            user: ada.id,
            secret_hash: [3; 32],
            label: "script".to_owned(),
            scope: model::people::Scope::Full,
            expires_at: never,
        };
        house.catalog.add_token(token).await.unwrap();
        let rename = UserChange {
            first_name: Some("Ada".to_owned()),
            ..UserChange::default()
        };
        house
            .catalog
            .change_user(ada.id, rename, None)
            .await
            .unwrap();
        assert_eq!(house.catalog.sessions(ada.id).await.unwrap().len(), 2);
        let mut changes = house.catalog.subscribe();
        let password = UserChange {
            password_hash: Some("$argon2id$y".to_owned()),
            ..UserChange::default()
        };
        house
            .catalog
            .change_user(ada.id, password, Some(kept.id))
            .await
            .unwrap();
        assert_eq!(changes.recv().await.unwrap(), Change::People);
        assert_eq!(house.catalog.sessions(ada.id).await.unwrap(), [kept]);
        assert!(house.catalog.tokens(ada.id).await.unwrap().is_empty());
        let stolen = house.catalog.session_by_secret([1; 32]).await.unwrap();
        assert!(stolen.is_none(), "the other browser is signed out");
    }
}
