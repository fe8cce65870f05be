//! What the owner decides while the server runs: one document, read from memory.

use std::sync::Arc;

use model::change::Change;
use model::error::{ErrorKind, Result};
use model::settings::Settings;
use rusqlite::Connection;

use crate::failure::{Failure, Outcome};
use crate::table::house;
use crate::{Catalog, Write};

/// The longest document, in bytes.
const SETTINGS_BYTES: usize = 64 * 1024;

impl Catalog {
    /// The settings as they are now. Costs no reading: they are kept in memory, and what a
    /// commit changed is there when its change is announced.
    ///
    /// # Errors
    /// None so far; a `Result` like everything that is asked of the catalog.
    pub async fn settings(&self) -> Result<Settings> {
        Ok(Settings::clone(&self.shared.present_settings()))
    }

    /// Makes these the settings unless any were ever saved; returns whether none were.
    ///
    /// # Errors
    /// `InvalidInput` if the document is longer than 64 kB, else errors of the catalog.
    pub async fn save_first_settings(&self, settings: Settings) -> Result<bool> {
        self.write("saving the first settings", move |write| {
            let is_first = house::has_no_settings(&write.transaction)?;
            if is_first {
                write.set_settings(settings)?;
            }
            Ok(is_first)
        })
        .await
    }

    /// Replaces the settings by what `change` makes of them, with no other change in between, and
    /// returns them.
    ///
    /// # Errors
    /// What `change` refuses; `InvalidInput` if the document becomes longer than 64 kB; else errors
    /// of the catalog.
    pub async fn change_settings(
        &self,
        change: impl FnOnce(Settings) -> Result<Settings> + Send + 'static,
    ) -> Result<Settings> {
        self.write("changing the settings", move |write| {
            let wanted = change(Settings::clone(&write.settings)).map_err(Failure::Ours)?;
            write.set_settings(wanted.clone())?;
            Ok(wanted)
        })
        .await
    }

    /// Replaces the settings.
    ///
    /// # Errors
    /// `InvalidInput` if the document is longer than 64 kB, else errors of the catalog.
    pub async fn save_settings(&self, settings: Settings) -> Result<()> {
        self.write("saving the settings", move |write| {
            write.set_settings(settings)
        })
        .await
    }
}

impl Write<'_> {
    /// Writes the settings down; those in memory follow at the commit.
    pub(crate) fn set_settings(&mut self, settings: Settings) -> Outcome<()> {
        let json = serde_json::to_string(&settings)
            .map_err(|error| Failure::rule(ErrorKind::Internal, error.to_string()))?;
        if json.len() > SETTINGS_BYTES {
            let message = format!("the settings are longer than {SETTINGS_BYTES} bytes");
            return Err(Failure::rule(ErrorKind::InvalidInput, message));
        }
        house::set_settings(&self.transaction, &json)?;
        self.settings = Arc::new(settings);
        self.announce(Change::Settings);
        Ok(())
    }
}

/// The settings in the file.
pub(crate) fn stored(connection: &Connection) -> Outcome<Settings> {
    serde_json::from_str(&house::settings(connection)?).map_err(|error| {
        let message = format!(
            "the settings in the catalog cannot be read ({error}); \
             restore a backup, or install the Homereel that wrote them"
        );
        Failure::rule(ErrorKind::Corrupt, message)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::change::Change;
    use model::clock::SystemClock;
    use model::error::ErrorKind;
    use model::settings::{Place, Settings};

    use crate::Catalog;
    use crate::testing::House;

    #[tokio::test]
    async fn settings_are_there_when_they_are_announced_and_after_a_restart() {
        let house = House::new();
        assert_eq!(house.catalog.settings().await.unwrap(), Settings::default());
        let mut changes = house.catalog.subscribe();
        let settings = Settings {
            place: Place::Bucket,
            encoding_paused: true,
            ..Settings::default()
        };
        house.catalog.save_settings(settings.clone()).await.unwrap();
        assert_eq!(changes.recv().await.unwrap(), Change::Settings);
        assert_eq!(house.catalog.settings().await.unwrap(), settings);
        house.catalog.close().await;
        let again = Catalog::open(&house.path(), Arc::new(SystemClock)).unwrap();
        assert_eq!(again.settings().await.unwrap(), settings);
    }

    #[tokio::test]
    async fn the_first_settings_hold_until_any_were_saved() {
        let house = House::new();
        let named = |name: &str| Settings {
            house_name: name.to_owned(),
            ..Settings::default()
        };
        let first = async |name| {
            house
                .catalog
                .save_first_settings(named(name))
                .await
                .unwrap()
        };
        assert!(
            first("configured").await,
            "a start that was cut short left none"
        );
        assert!(!first("configured anew").await);
        let settings = house.catalog.settings().await.unwrap();
        assert_eq!(settings.house_name, "configured");
    }

    #[tokio::test]
    async fn changes_at_the_same_time_do_not_undo_one_another() {
        let house = House::new();
        let change = |change: fn(&mut Settings)| {
            house.catalog.change_settings(move |mut settings| {
                change(&mut settings);
                Ok(settings)
            })
        };
        let pausing = change(|settings| settings.encoding_paused = true);
        let naming = change(|settings| settings.house_name = "Ada's".to_owned());
        let (paused, named) = tokio::join!(pausing, naming);
        paused.unwrap();
        named.unwrap();
        let settings = house.catalog.settings().await.unwrap();
        assert!(settings.encoding_paused && settings.house_name == "Ada's");
        let refusing = house.catalog.change_settings(|_| {
            let message = "not like this";
            Err(model::error::Error::new(ErrorKind::InvalidInput, message))
        });
        assert_eq!(refusing.await.unwrap_err().message(), "not like this");
    }

    #[tokio::test]
    async fn settings_that_were_not_committed_do_not_hold() {
        let house = House::new();
        let failing = house.catalog.write("failing halfway", |write| {
            let settings = Settings {
                encoding_paused: true,
                ..Settings::default()
            };
            write.set_settings(settings)?;
            write.transaction.execute("DELETE FROM nothing", [])?;
            Ok(())
        });
        failing.await.unwrap_err();
        assert!(!house.catalog.settings().await.unwrap().encoding_paused);
        let endless = Settings {
            house_name: "x".repeat(70_000),
            ..Settings::default()
        };
        let refused = house.catalog.save_settings(endless).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    }

    #[tokio::test]
    async fn settings_of_a_newer_program_are_told_and_not_guessed() {
        let house = House::new();
        let spoiling = house.catalog.write("spoiling", |write| {
            let sql = r#"UPDATE house SET settings = '{"from_the_future":1}'"#;
            write.transaction.execute(sql, [])?;
            Ok(())
        });
        spoiling.await.unwrap();
        house.catalog.close().await;
        let error = Catalog::open(&house.path(), Arc::new(SystemClock)).unwrap_err();
        assert!(error.message().contains("from_the_future"), "{error}");
    }
}
