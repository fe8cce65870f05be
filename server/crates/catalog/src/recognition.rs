//! Whether a film is known already, as far as whoever sends it may know: what somebody else keeps
//! to themselves must not be given away by an answer. What does not belong here: what follows
//! from it (`admission`).

use model::rights::{Want, may_as};
use model::title::Title;

use crate::Write;
use crate::admission::Candidate;
use crate::failure::Outcome;
use crate::table::titles::{self, TitleRow};
use crate::table::users;

/// The title with the content of `candidate`, as far as its sender may know of it. A file that
/// came by itself has no sender, and the very file of a title is always known.
pub(crate) fn known_to_sender(
    write: &Write<'_>,
    candidate: &Candidate,
    path: &[u8],
) -> Outcome<Option<TitleRow>> {
    let source = &candidate.source;
    let mut known = titles::of_identity(&write.transaction, &source.identity, path)?.into_iter();
    let Some(sender) = candidate.details.owner else {
        return Ok(known.next());
    };
    let sender = users::by_id(&write.transaction, sender)?;
    let sender = sender.map(|sender| (sender.user.id, sender.user.role));
    let audience = write.settings.audience;
    let concerns = |title: &Title| {
        let (rights, removed) = (title.rights(), title.deleted_at.is_some());
        // What nobody owns was removed for the house; sending it again is asking for it back.
        let brings_back = rights.owner.is_none() || may_as(sender, Want::Change, rights, audience);
        may_as(sender, Want::Watch, rights, audience) && (!removed || brings_back)
    };
    Ok(known.find(|known| known.title.source.path == source.path || concerns(&known.title)))
}

#[cfg(test)]
mod tests {
    use model::people::{Role, User};
    use model::rights::Visibility;

    use crate::admission::Admission;
    use crate::testing::{House, candidate};

    #[tokio::test]
    async fn what_somebody_keeps_to_themselves_is_no_duplicate_for_others() {
        let house = House::new();
        let ada = house.person("ada", Role::Uploader).await;
        let bob = house.person("bob", Role::Uploader).await;
        let owner = house.person("owner", Role::Admin).await;
        let send = async |path: &str, by: &User| {
            let mut sent = candidate(path, "a");
            sent.details.owner = Some(by.id);
            sent.details.visibility = Visibility::OnlyMe;
            house.catalog.admit(sent).await.unwrap()
        };
        let Admission::New(adas) = send("/uploads/1", &ada).await else {
            panic!("it is the first");
        };
        let Admission::New(bobs) = send("/uploads/2", &bob).await else {
            panic!("bob must not learn that ada has it");
        };
        assert_ne!(adas, bobs);
        let again = send("/uploads/3", &bob).await;
        assert_eq!(again, Admission::Duplicate(bobs), "his own is known to him");
        let again = send("/uploads/4", &ada).await;
        assert_eq!(again, Admission::Duplicate(adas));
        let by_admin = send("/uploads/5", &owner).await;
        assert!(matches!(by_admin, Admission::Duplicate(_)), "{by_admin:?}");
        house.catalog.delete_title(adas, None).await.unwrap();
        let again = send("/uploads/6", &bob).await;
        assert_eq!(again, Admission::Duplicate(bobs));
        let hers = house.catalog.title(adas).await.unwrap();
        assert!(hers.is_none(), "nobody else brings hers back");
        assert!(house.catalog.integrity().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn only_its_owner_brings_a_removed_film_back_by_sending_it() {
        let house = House::new();
        let ada = house.person("ada", Role::Uploader).await;
        let bob = house.person("bob", Role::Uploader).await;
        let send = async |path: &str, by: &User| {
            let mut sent = candidate(path, "a");
            sent.details.owner = Some(by.id);
            house.catalog.admit(sent).await.unwrap()
        };
        let Admission::New(adas) = send("/uploads/1", &ada).await else {
            panic!("it is the first");
        };
        house.catalog.delete_title(adas, None).await.unwrap();
        let bobs = send("/uploads/2", &bob).await;
        assert!(matches!(bobs, Admission::New(_)), "{bobs:?}");
        assert!(house.catalog.title(adas).await.unwrap().is_none());
        // The very file of the title, as after a restart in the middle of handing over.
        let again = send("/uploads/1", &ada).await;
        assert!(matches!(again, Admission::Duplicate(_)), "{again:?}");
    }
}
