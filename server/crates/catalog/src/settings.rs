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
