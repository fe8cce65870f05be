//! Shapes of the words, times and identifiers that the document of the API names again and again.
//! The words themselves are the model's.

use model::arrival::{ArrivalState, Door};
use model::job::JobState;
use model::people::{Role, Scope};
use model::rights::Visibility;
use model::settings::Place;
use model::title::TitleState;
use utoipa::IntoParams;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, SchemaType, Type};

/// The thing that a path names.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only describes what handlers read from the path")]
pub(crate) struct IdInPath {
    /// Its identifier.
    #[param(schema_with = identifier)]
    id: String,
}

/// 26 letters of Crockford's base 32, as `model::id` spells them.
const IDENTIFIER: &str = "^[0-7][0-9a-hjkmnp-tv-z]{25}$";

/// Words that the model knows only by their names in JSON.
const AUDIENCES: [&str; 2] = ["anyone", "members"];
const RATES: [&str; 2] = ["home", "public"];
const SPEEDS: [&str; 3] = ["fast", "balanced", "small"];
const RUNGS: [u32; 4] = [360, 480, 720, 1080];

/// An identifier.
pub(crate) fn identifier() -> Object {
    text().pattern(Some(IDENTIFIER)).build()
}

/// An identifier, or null.
pub(crate) fn identifier_or_null() -> Object {
    nullable(text().pattern(Some(IDENTIFIER)))
}

/// An instant in RFC 3339.
pub(crate) fn instant() -> Object {
    text().format(Some(date_time())).build()
}

/// An instant in RFC 3339, or null.
pub(crate) fn instant_or_null() -> Object {
    nullable(text().format(Some(date_time())))
}

/// A title's state.
pub(crate) fn title_state() -> Object {
    use TitleState::{Failed, Playable, Processing, Ready, Waiting};
    one_of([Waiting, Processing, Playable, Ready, Failed].map(TitleState::as_str))
}

/// A job's state.
pub(crate) fn job_state() -> Object {
    use JobState::{Cancelled, Done, Failed, Paused, Queued, Running};
    one_of([Queued, Running, Paused, Done, Failed, Cancelled].map(JobState::as_str))
}

/// What a job is doing.
pub(crate) fn step() -> Object {
    one_of(["waiting", "inspecting", "encoding", "finished"])
}

/// What a track carries.
pub(crate) fn track_kind() -> Object {
    one_of(["video", "audio", "subtitle", "cover", "data"])
}

/// What became of a file.
pub(crate) fn arrival_state() -> Object {
    use ArrivalState::{Admitted, Duplicate, Ignored, Missing, Refused, Removed, Settling};
    let states = [
        Settling, Admitted, Duplicate, Refused, Ignored, Removed, Missing,
    ];
    one_of(states.map(ArrivalState::as_str))
}

/// Which way a file came.
pub(crate) fn door() -> Object {
    use Door::{Command, Folder, Upload, Webdav};
    one_of([Folder, Command, Upload, Webdav].map(Door::as_str))
}

/// Who may watch a title.
pub(crate) fn visibility() -> Object {
    use Visibility::{Everyone, Members, OnlyMe};
    one_of([Everyone, Members, OnlyMe].map(Visibility::as_str))
}

/// Who may watch a title, or null.
pub(crate) fn visibility_or_null() -> Object {
    use Visibility::{Everyone, Members, OnlyMe};
    let words = [Everyone, Members, OnlyMe].map(Visibility::as_str);
    nullable_words(&words)
}

/// Who may watch without an account.
pub(crate) fn audience() -> Object {
    one_of(AUDIENCES)
}

/// Who may watch without an account, or null.
pub(crate) fn audience_or_null() -> Object {
    nullable_words(&AUDIENCES)
}

/// A person's part in the house.
pub(crate) fn role() -> Object {
    use Role::{Admin, Uploader, Viewer};
    one_of([Viewer, Uploader, Admin].map(Role::as_str))
}

/// A person's part in the house, or null.
pub(crate) fn role_or_null() -> Object {
    use Role::{Admin, Uploader, Viewer};
    nullable_words(&[Viewer, Uploader, Admin].map(Role::as_str))
}

/// What a token is good for.
pub(crate) fn scope() -> Object {
    use Scope::{Full, Read, Upload, Webdav};
    one_of([Read, Upload, Full, Webdav].map(Scope::as_str))
}

/// Where pieces live.
pub(crate) fn place() -> Object {
    one_of([Place::Local, Place::Bucket].map(Place::as_str))
}

/// Where pieces live, or null.
pub(crate) fn place_or_null() -> Object {
    nullable_words(&[Place::Local, Place::Bucket].map(Place::as_str))
}

/// How generous the limits for clients are.
pub(crate) fn rates() -> Object {
    one_of(RATES)
}

/// How generous the limits for clients are, or null.
pub(crate) fn rates_or_null() -> Object {
    nullable_words(&RATES)
}

/// Speed against size.
pub(crate) fn speed() -> Object {
    one_of(SPEEDS)
}

/// Speed against size, or null.
pub(crate) fn speed_or_null() -> Object {
    nullable_words(&SPEEDS)
}

/// A rung by the short side.
pub(crate) fn rung() -> Object {
    number().enum_values(Some(RUNGS)).build()
}

/// A rung by the short side, or null.
pub(crate) fn rung_or_null() -> Object {
    let rungs = RUNGS.into_iter().map(Some).chain([None]);
    number()
        .schema_type(SchemaType::Array(vec![Type::Integer, Type::Null]))
        .enum_values(Some(rungs))
        .build()
}

fn number() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer)
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn date_time() -> SchemaFormat {
    SchemaFormat::KnownFormat(KnownFormat::DateTime)
}

fn one_of<const N: usize>(words: [&'static str; N]) -> Object {
    text().enum_values(Some(words)).build()
}

fn nullable(object: ObjectBuilder) -> Object {
    object
        .schema_type(SchemaType::Array(vec![Type::String, Type::Null]))
        .build()
}

/// JSON Schema wants null among the words where it is one of the types.
fn nullable_words(words: &[&'static str]) -> Object {
    let words = words.iter().copied().map(Some).chain([None]);
    nullable(ObjectBuilder::new().enum_values(Some(words)))
}
