//! `/api/v1/settings`: what the owner decides while the server runs. Rules for single values are in
//! [`Change::apply`]; whoever acts on a setting observes the change in the catalog.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use model::error::{Error, ErrorKind};
use model::rights::Audience;
use model::settings::{Place, RateProfile, Settings, Speed};
use serde::{Deserialize, Serialize};
use storage::bucket::trial;
use utoipa::ToSchema;

use crate::api::bucket::{BucketChange, BucketView};
use crate::api::videos::fresh;
use crate::api::words;
use crate::app::App;
use crate::extract::{FromJson, given};
use crate::health::HardwareView;
use crate::problem::Problem;

/// Longest name of a house, in characters.
const HOUSE_NAME_CHARS: usize = 60;
/// The rungs of the ladder, by the short side.
const RUNGS: [u32; 4] = [360, 480, 720, 1080];

/// The settings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Settings)]
pub(crate) struct SettingsView {
    /// What this house is called.
    house_name: String,
    /// Who may watch without an account.
    #[schema(schema_with = words::audience)]
    audience: Audience,
    /// Anyone may make an account, as a viewer.
    open_sign_up: bool,
    /// How generous the limits for clients are.
    #[schema(schema_with = words::rates)]
    rates: RateProfile,
    /// Nothing is encoded while this is set.
    encoding_paused: bool,
    /// Speed against size.
    #[schema(schema_with = words::speed)]
    speed: Speed,
    /// The highest rung that is made, by the short side.
    #[schema(schema_with = words::rung)]
    top_rung: u32,
    /// Where the pieces of new titles go.
    #[schema(schema_with = words::place)]
    place: Place,
    /// The bucket, where one was given.
    bucket: Option<BucketView>,
    /// Announced in the home network by name.
    discoverable: bool,
    /// Films may be encoded in graphics hardware, where that works.
    hardware_encoding: bool,
    /// What the graphics hardware was found to be good for; null until it was tried.
    hardware: Option<HardwareView>,
}

/// What is to be different; what is left out stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = SettingsChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    #[schema(min_length = 1, max_length = 60)]
    house_name: Option<String>,
    #[schema(schema_with = words::audience_or_null)]
    audience: Option<Audience>,
    open_sign_up: Option<bool>,
    #[schema(schema_with = words::rates_or_null)]
    rates: Option<RateProfile>,
    encoding_paused: Option<bool>,
    #[schema(schema_with = words::speed_or_null)]
    speed: Option<Speed>,
    #[schema(schema_with = words::rung_or_null)]
    top_rung: Option<u32>,
    #[schema(schema_with = words::place_or_null)]
    place: Option<Place>,
    /// Null takes the bucket away, which is refused while titles lie there.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<BucketChange>)]
    bucket: Option<Option<BucketChange>>,
    discoverable: Option<bool>,
    hardware_encoding: Option<bool>,
    /// Takes a bucket although its test fails, or although titles lie in the one before.
    #[serde(default)]
    #[schema(required = false)]
    force: bool,
}

/// `GET /api/v1/settings`
#[utoipa::path(
    get,
    path = "/api/v1/settings",
    tag = "settings",
    operation_id = "showSettings",
    summary = "What was decided",
    responses((status = 200, description = "The settings.", body = SettingsView))
)]
pub(crate) async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let settings = app.site.catalog.settings().await?;
    Ok(fresh(Json(SettingsView::new(settings, &app))))
}

/// `PATCH /api/v1/settings`
#[utoipa::path(
    patch,
    path = "/api/v1/settings",
    tag = "settings",
    operation_id = "changeSettings",
    summary = "Decide something else",
    request_body = Change,
    responses((status = 200, description = "The settings as they are now.", body = SettingsView))
)]
pub(crate) async fn change(
    State(app): State<App>,
    FromJson(change): FromJson<Change>,
) -> Result<Response, Problem> {
    // Two changes at once must not undo one another.
    let _turn = app.settings_turn.lock().await;
    let present = app.site.catalog.settings().await?;
    let force = change.force;
    let wanted = change.clone().apply(present.clone())?;
    if !force {
        check_storage(&app, &present, &wanted).await?;
    }
    // Other doors change single settings meanwhile, and those stay.
    let apply = move |now| change.apply(now).map_err(|problem| refused(&problem));
    let settings = app.site.catalog.change_settings(apply).await?;
    tracing::info!("The settings were changed.");
    Ok(fresh(Json(SettingsView::new(settings, &app))))
}

fn refused(problem: &Problem) -> Error {
    Error::new(ErrorKind::InvalidInput, problem.detail())
}

/// A bucket that is used from now on must work, and one that titles lie in must stay.
async fn check_storage(app: &App, present: &Settings, wanted: &Settings) -> Result<(), Problem> {
    let lies = |settings: &Settings| {
        let bucket = settings.bucket.as_ref()?;
        Some((
            bucket.endpoint.clone(),
            bucket.name.clone(),
            bucket.prefix.clone(),
        ))
    };
    if lies(present).is_some() && lies(present) != lies(wanted) && holds_titles(app).await? {
        return Err(Problem::conflict(
            "Titles lie in the present bucket and would not play any more. Send “force” to leave \
             them behind.",
        ));
    }
    let begins = wanted.place == Place::Bucket
        && (present.place != Place::Bucket || present.bucket != wanted.bucket);
    let Some(bucket) = wanted.bucket.as_ref().filter(|_| begins) else {
        return Ok(());
    };
    let checks = trial::test(bucket).await;
    match checks.into_iter().find(|check| !check.ok) {
        Some(check) => Err(Problem::conflict(check.sentence)),
        None => Ok(()),
    }
}

async fn holds_titles(app: &App) -> Result<bool, Problem> {
    let figures = app.site.catalog.figures().await?;
    let there = |(place, bytes): &(Place, u64)| *place == Place::Bucket && *bytes > 0;
    Ok(figures.segment_bytes.iter().any(there))
}

impl Change {
    /// The settings with the change, if every value makes sense.
    fn apply(self, mut settings: Settings) -> Result<Settings, Problem> {
        if let Some(name) = self.house_name {
            settings.house_name = house_name(&name)?;
        }
        if let Some(rung) = self.top_rung {
            settings.top_rung = known_rung(rung)?;
        }
        if let Some(bucket) = self.bucket {
            let present = settings.bucket.as_ref();
            settings.bucket = bucket.map(|bucket| bucket.apply(present)).transpose()?;
        }
        set(&mut settings.audience, self.audience);
        set(&mut settings.open_sign_up, self.open_sign_up);
        set(&mut settings.rates, self.rates);
        set(&mut settings.encoding_paused, self.encoding_paused);
        set(&mut settings.speed, self.speed);
        set(&mut settings.place, self.place);
        set(&mut settings.discoverable, self.discoverable);
        set(&mut settings.hardware_encoding, self.hardware_encoding);
        if settings.place == Place::Bucket && settings.bucket.is_none() {
            return Err(Problem::bad_request(
                "Say first which bucket titles should go to.",
            ));
        }
        Ok(settings)
    }
}

fn set<T>(value: &mut T, wanted: Option<T>) {
    if let Some(wanted) = wanted {
        *value = wanted;
    }
}

/// A name for the house, tidied.
pub(crate) fn house_name(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    let letters = name.chars().count();
    if letters == 0 || letters > HOUSE_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!(
            "The name of the house has 1 to {HOUSE_NAME_CHARS} letters."
        )));
    }
    Ok(name.to_owned())
}

fn known_rung(rung: u32) -> Result<u32, Problem> {
    if RUNGS.contains(&rung) {
        return Ok(rung);
    }
    Err(Problem::bad_request(
        "The highest rung is 360, 480, 720 or 1080.",
    ))
}

impl SettingsView {
    fn new(settings: Settings, app: &App) -> Self {
        Self {
            house_name: settings.house_name,
            audience: settings.audience,
            open_sign_up: settings.open_sign_up,
            rates: settings.rates,
            encoding_paused: settings.encoding_paused,
            speed: settings.speed,
            top_rung: settings.top_rung,
            place: settings.place,
            bucket: settings.bucket.map(BucketView::new),
            discoverable: settings.discoverable,
            hardware_encoding: settings.hardware_encoding,
            hardware: app.site.facts.hardware(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Change;
    use model::settings::{Place, Settings};

    fn apply(json: &str, settings: &Settings) -> Result<Settings, String> {
        let change: Change = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let applied = change.apply(settings.clone());
        applied.map_err(|problem| problem.status().to_string())
    }

    const BUCKET: &str = r#"{"bucket":{"endpoint":"http://nas:9000","name":"films",
        "access_key":"me","secret_key":"hush"},"place":"bucket"}"#;

    #[test]
    fn what_is_left_out_stays_and_odd_values_are_refused() {
        let settings = Settings::default();
        let named = apply(r#"{"house_name":"  Ada's  "}"#, &settings).unwrap();
        assert_eq!(named.house_name, "Ada's");
        assert_eq!(named.top_rung, settings.top_rung);
        for odd in [
            r#"{"house_name":" "}"#,
            r#"{"house_name":"a\nb"}"#,
            r#"{"top_rung":361}"#,
            r#"{"place":"bucket"}"#,
            r#"{"place":"moon"}"#,
            r#"{"unknown":1}"#,
            r#"{"bucket":{"endpoint":"ftp://nas","name":"films","access_key":"a","secret_key":"b"}}"#,
            r#"{"bucket":{"endpoint":"http://nas","name":"../x","access_key":"a","secret_key":"b"}}"#,
            r#"{"bucket":{"endpoint":"http://nas","name":"films","access_key":"a"}}"#,
        ] {
            assert!(apply(odd, &settings).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_secret_is_kept_until_another_is_given() {
        let with = apply(BUCKET, &Settings::default()).unwrap();
        assert_eq!(with.place, Place::Bucket);
        let again = r#"{"bucket":{"endpoint":"http://nas:9000","name":"films","access_key":"me",
            "secret_key":null,"prefix":"/house/"}}"#;
        let changed = apply(again, &with).unwrap().bucket.unwrap();
        assert_eq!(changed.secret_key, "hush");
        assert_eq!(changed.prefix, "house", "without slashes at its ends");
        let elsewhere = again.replace("nas:9000", "evil:9000");
        assert!(
            apply(&elsewhere, &with).is_err(),
            "a secret goes to no other server than the one it was given for"
        );
        let without = apply(r#"{"bucket":null,"place":"local"}"#, &with).unwrap();
        assert_eq!(without.bucket, None);
    }
}
