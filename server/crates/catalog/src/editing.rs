//! What people change about a title: its name, the text about it, and who may watch it. Whether
//! they may is the caller's to decide.

use model::change::Change;
use model::error::{ErrorKind, Result};
use model::id::TitleId;
use model::rights::Visibility;
use model::title::{NAME_CHARS, Title};

use crate::admission::tidy_description;
use crate::column::shortened;
use crate::failure::{Failure, Outcome};
use crate::library::present;
use crate::table::titles::{self, TitleRow};
use crate::{Catalog, Write};

/// What is to be different about a title; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TitleChange {
    /// What people call it.
    pub name: Option<String>,
    /// A text about it; an empty one takes it away.
    pub description: Option<String>,
    /// Who may watch it.
    pub visibility: Option<Visibility>,
    /// Which of its pictures stands for it, by its number.
    pub poster: Option<u32>,
}

impl Catalog {
    /// Changes a title and returns it as it is then, without its plan. Texts that are too long
    /// are cut.
    ///
    /// # Errors
    /// `NotFound` if there is no such title, `InvalidInput` if the name is empty or there is no
    /// picture of that number.
    pub async fn change_title(&self, id: TitleId, change: TitleChange) -> Result<Title> {
        self.write("changing a title", move |write| {
            let mut row = known(write, id)?;
            let before = row.title.visibility;
            if let Some(number) = change.poster {
                choose_poster(write, &mut row, number)?;
            }
            apply(&mut row.title, change)?;
            titles::set_words(&write.transaction, row.serial, &row.title)?;
            write.announce(Change::Title(id));
            if row.title.visibility != before {
                write.announce(Change::Rights);
            }
            Ok(row.title)
        })
        .await
    }
}

/// The title, which must exist and not be removed.
pub(crate) fn known(write: &Write<'_>, id: TitleId) -> Outcome<TitleRow> {
    present(&write.transaction, id)?
        .ok_or_else(|| Failure::rule(ErrorKind::NotFound, format!("there is no title {id}")))
}

fn choose_poster(write: &Write<'_>, row: &mut TitleRow, number: u32) -> Outcome<()> {
    if !row.title.poster_choices.contains(&number) {
        let message = format!("“{}” has no picture {number}", row.title.name);
        return Err(Failure::rule(ErrorKind::InvalidInput, message));
    }
    row.title.poster_choice = Some(number);
    titles::set_poster_choice(&write.transaction, row.serial, number)
}

fn apply(title: &mut Title, change: TitleChange) -> Outcome<()> {
    if let Some(name) = change.name {
        title.name = shortened(name.trim(), NAME_CHARS);
        if title.name.is_empty() {
            let message = "a title needs a name";
            return Err(Failure::rule(ErrorKind::InvalidInput, message));
        }
    }
    if let Some(description) = change.description {
        let text = tidy_description(&description);
        title.description = (!text.is_empty()).then_some(text);
    }
    title.visibility = change.visibility.unwrap_or(title.visibility);
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::change::Change;
    use model::error::ErrorKind;
    use model::id::TitleId;
    use model::rights::Visibility;
    use model::segment::Piece;

    use super::TitleChange;
    use crate::library::TitleQuery;
    use crate::testing::{House, OWNER, stored};
    use crate::viewer::Viewer;

    #[tokio::test]
    async fn a_renamed_title_is_found_by_its_new_words_alone() {
        let house = House::new();
        let id = house.admit("/films/DSC0001.mp4", "a").await;
        let mut changes = house.catalog.subscribe();
        let change = TitleChange {
            name: Some(" Grandma's birthday ".to_owned()),
            description: Some("Everybody sings.\r\nCake follows.\n".to_owned()),
            ..TitleChange::default()
        };
        let changed = house.catalog.change_title(id, change).await.unwrap();
        assert_eq!(changed.name, "Grandma's birthday");
        let text = changed.description.as_deref();
        assert_eq!(text, Some("Everybody sings. \nCake follows."));
        assert_eq!(changes.recv().await.unwrap(), Change::Title(id));
        let finds = async |text: &str| {
            let query = TitleQuery {
                who: Viewer::EVERYTHING,
                text: Some(text.to_owned()),
                ..TitleQuery::default()
            };
            house.catalog.titles(query).await.unwrap().total
        };
        assert_eq!(finds("grandma cake").await, 1, "words of both texts");
        assert_eq!(finds("dsc0001").await, 0, "the old name is gone");
        let no_text = TitleChange {
            description: Some(" ".to_owned()),
            ..TitleChange::default()
        };
        let changed = house.catalog.change_title(id, no_text).await.unwrap();
        assert_eq!(changed.description, None);
        assert_eq!(finds("cake").await, 0);
        assert!(house.catalog.integrity().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_picture_that_exists_can_be_chosen_as_the_poster() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 1).await;
        let pictures = [Piece::Poster]
            .into_iter()
            .chain((1..=3).map(|number| Piece::PosterChoice { number }));
        let pictures = pictures.map(|piece| stored(title, 1, piece, 900)).collect();
        let adding = house.catalog.add_pieces(job.id, OWNER, pictures);
        adding.await.unwrap();
        let shown = house.title(title).await;
        assert_eq!(
            (shown.poster_choices, shown.poster_choice),
            (vec![1, 2, 3], None)
        );
        let choose = async |number| {
            let change = TitleChange {
                poster: Some(number),
                ..TitleChange::default()
            };
            house.catalog.change_title(title, change).await
        };
        let chosen = choose(2).await.unwrap();
        assert_eq!(chosen.poster_piece(), Piece::PosterChoice { number: 2 });
        let error = choose(4).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        house.catalog.abandon_plan(job.id, OWNER).await.unwrap();
        let anew = house.title(title).await;
        assert_eq!(anew.poster_choice, Some(2), "the choice outlives a plan");
        assert_eq!(anew.poster_piece(), Piece::Poster, "until it is made again");
    }

    #[tokio::test]
    async fn a_title_keeps_a_name_and_what_is_not_mentioned() {
        let house = House::new();
        let id = house.admit("/films/a.mp4", "a").await;
        let nameless = TitleChange {
            name: Some(" ".to_owned()),
            ..TitleChange::default()
        };
        let error = house.catalog.change_title(id, nameless).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let private = TitleChange {
            visibility: Some(Visibility::OnlyMe),
            ..TitleChange::default()
        };
        let before = house.title(id).await;
        let after = house
            .catalog
            .change_title(id, private.clone())
            .await
            .unwrap();
        assert_eq!(
            (after.name, after.visibility),
            (before.name, Visibility::OnlyMe)
        );
        let nowhere = house.catalog.change_title(TitleId::generate(), private);
        assert_eq!(nowhere.await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}
