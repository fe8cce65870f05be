//! Who may do what with a title: one function, which every route, page and listing asks.

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::people::{Principal, Role};

/// Who may watch a title.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everyone who may watch in this house at all.
    #[default]
    Everyone,
    /// People with an account.
    Members,
    /// Whoever added it. A title that came through a folder belongs to the admins.
    OnlyMe,
}

/// Who may watch without an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Anyone who can reach the server.
    #[default]
    Anyone,
    /// Nobody: people with an account only.
    Members,
}

/// What somebody wants of a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// See that it exists, its pictures and facts, and play it.
    Watch,
    /// Fetch the original file.
    Download,
    /// Change its name, text, rights; delete it; steer its job.
    Change,
}

/// What the decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TitleRights {
    /// Who added it, where somebody did.
    pub owner: Option<UserId>,
    /// Who may watch it.
    pub visibility: Visibility,
}

/// Whether `who` may do `want` with a title.
///
/// An admin looks after everything, including what others keep to themselves: whoever runs the
/// box can read its disk anyway, and a list that hid titles from them would not be honest.
pub fn may(who: &Principal, want: Want, title: TitleRights, audience: Audience) -> bool {
    let part = who.user().zip(who.role());
    may_as(part, want, title, audience)
}

/// The same for a person with their part in the house, or for a guest.
pub fn may_as(
    who: Option<(UserId, Role)>,
    want: Want,
    title: TitleRights,
    audience: Audience,
) -> bool {
    let is_person = who.is_some();
    let is_at_least = |wanted| who.is_some_and(|(_, role)| role >= wanted);
    if is_at_least(Role::Admin) {
        return true;
    }
    let own = who.is_some_and(|(user, _)| title.owner == Some(user));
    let watches = match title.visibility {
        Visibility::Everyone => is_person || audience == Audience::Anyone,
        Visibility::Members => is_person,
        Visibility::OnlyMe => own,
    };
    match want {
        Want::Watch => watches || own,
        Want::Download => (watches && is_person) || own,
        Want::Change => own && is_at_least(Role::Uploader),
    }
}

impl Visibility {
    /// The word in the catalog and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Members => "members",
            Self::OnlyMe => "only_me",
        }
    }

    /// The visibility with that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Everyone, Self::Members, Self::OnlyMe]
            .into_iter()
            .find(|visibility| visibility.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::{Audience, TitleRights, Visibility, Want, may};
    use crate::id::{SessionId, UserId};
    use crate::people::{Credential, Principal, Role};

    fn person(user: UserId, role: Role) -> Principal {
        Principal::Person {
            user,
            name: "ada".into(),
            role,
            by: Credential::Session(SessionId::generate()),
        }
    }

    /// Rows: visibility and audience. Columns: guest, viewer, another uploader, the owner as
    /// uploader, the owner as viewer, admin. Letters: w watch, d download, c change.
    #[test]
    fn the_table_of_rights_holds() {
        let owner = UserId::generate();
        let callers = [
            Principal::Guest,
            person(UserId::generate(), Role::Viewer),
            person(UserId::generate(), Role::Uploader),
            person(owner, Role::Uploader),
            person(owner, Role::Viewer),
            person(UserId::generate(), Role::Admin),
        ];
        use Audience::{Anyone, Members as MembersOnly};
        use Visibility::{Everyone, Members, OnlyMe};
        let table = [
            (Everyone, Anyone, ["w", "wd", "wd", "wdc", "wd", "wdc"]),
            (Everyone, MembersOnly, ["", "wd", "wd", "wdc", "wd", "wdc"]),
            (Members, Anyone, ["", "wd", "wd", "wdc", "wd", "wdc"]),
            (Members, MembersOnly, ["", "wd", "wd", "wdc", "wd", "wdc"]),
            (OnlyMe, Anyone, ["", "", "", "wdc", "wd", "wdc"]),
            (OnlyMe, MembersOnly, ["", "", "", "wdc", "wd", "wdc"]),
        ];
        for (visibility, audience, expected) in table {
            let title = TitleRights {
                owner: Some(owner),
                visibility,
            };
            for (caller, letters) in callers.iter().zip(expected) {
                for (want, letter) in [
                    (Want::Watch, 'w'),
                    (Want::Download, 'd'),
                    (Want::Change, 'c'),
                ] {
                    assert_eq!(
                        may(caller, want, title, audience),
                        letters.contains(letter),
                        "{want:?} of a title for {visibility:?} by {caller:?} where {audience:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_title_without_an_owner_is_nobodys_own() {
        let title = TitleRights {
            owner: None,
            visibility: Visibility::OnlyMe,
        };
        for caller in [Principal::Guest, person(UserId::generate(), Role::Uploader)] {
            assert!(!may(&caller, Want::Watch, title, Audience::Anyone));
        }
    }
}
