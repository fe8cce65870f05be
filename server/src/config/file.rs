//! The configuration file: its keys, their defaults, and reading it. What does not belong here:
//! what counts when several places say something.

use media::hardware::usual_encoders;
use model::error::{Context, Error, ErrorKind, Result, kind_of_io};
use model::settings::{Bucket, Speed};
use serde::Deserialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::invalid;

/// A configuration longer than this is something else.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileContent {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) listen: Option<String>,
    pub(super) watch: Option<Vec<PathBuf>>,
    pub(super) host_names: Vec<String>,
    pub(super) public_url: Option<String>,
    pub(super) trusted_proxies: Vec<String>,
    pub(super) worker: Option<PathBuf>,
    pub(super) encoding: Encoding,
    pub(super) bucket: Option<BucketContent>,
    pub(super) arrival: Arrival,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Encoding {
    pub(super) preset: String,
    pub(super) reserve_megabytes: u64,
    pub(super) hardware: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Arrival {
    pub(super) settle_seconds: u32,
    pub(super) patience_seconds: u32,
    pub(super) scan_interval_seconds: u32,
}

/// The same as on the settings page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BucketContent {
    pub(super) endpoint: String,
    pub(super) name: String,
    pub(super) access_key: String,
    pub(super) secret_key: String,
    #[serde(default)]
    pub(super) region: String,
    #[serde(default = "yes")]
    pub(super) path_style: bool,
    #[serde(default)]
    pub(super) prefix: String,
    pub(super) public_base_url: Option<String>,
}

fn yes() -> bool {
    true
}

impl From<BucketContent> for Bucket {
    fn from(content: BucketContent) -> Self {
        Self {
            endpoint: content.endpoint,
            name: content.name,
            region: content.region,
            access_key: content.access_key,
            secret_key: content.secret_key,
            path_style: content.path_style,
            prefix: content.prefix,
            public_base_url: content.public_base_url,
        }
    }
}

impl Default for Encoding {
    fn default() -> Self {
        Self {
            preset: Speed::default().as_str().into(),
            reserve_megabytes: 200,
            hardware: usual_encoders(),
        }
    }
}

impl Default for Arrival {
    fn default() -> Self {
        Self {
            settle_seconds: 2,
            patience_seconds: 10,
            scan_interval_seconds: 60,
        }
    }
}

/// Reads the file at `path`. The error shows the line and what is accepted there.
pub(super) fn read(path: &Path) -> Result<FileContent> {
    let text = read_text(path)?;
    // Editors on Windows begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    toml::from_str(text).map_err(|error| {
        // The error shows the line and what would be accepted there.
        invalid(format!("{} cannot be used: {error}", path.display()))
    })
}

fn read_text(path: &Path) -> Result<String> {
    let failed = |error: std::io::Error| {
        let message = format!("reading the configuration {}", path.display());
        Error::caused_by(kind_of_io(&error), message, error)
    };
    let file = File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(invalid(format!("{} is not a file", path.display())));
    }
    let mut text = String::new();
    let mut limited = file.take(MAX_FILE_BYTES + 1);
    limited
        .read_to_string(&mut text)
        .with_context(ErrorKind::InvalidInput, || {
            format!("{} is not a text file", path.display())
        })?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(invalid(format!(
            "{} is longer than 1 MB, so it is not a configuration",
            path.display()
        )));
    }
    Ok(text)
}
