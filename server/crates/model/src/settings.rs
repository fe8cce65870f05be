//! What the owner decides while the server runs. Kept in the catalog as one document; what has to
//! be known before the catalog is open (folders, ports) is the configuration's.

use serde::{Deserialize, Serialize};

use crate::rights::Audience;

/// Everything that can be set on the settings page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What this house is called on pages and in the network.
    pub house_name: String,
    /// Who may watch without an account.
    pub audience: Audience,
    /// Anyone may make an account, as a viewer; otherwise people are invited.
    pub open_sign_up: bool,
    /// How generous the limits for clients are.
    pub rates: RateProfile,
    /// Nothing is encoded while this is set; films that are asked for wait.
    pub encoding_paused: bool,
    /// Speed against size.
    pub speed: Speed,
    /// The highest rung that is made, by the short side: 360, 480, 720 or 1080.
    pub top_rung: u32,
    /// Where the pieces of new titles go.
    pub place: Place,
    /// The bucket, where one was given. Kept when the place is this computer again, because
    /// titles may still lie there.
    pub bucket: Option<Bucket>,
    /// Announced in the home network by name.
    pub discoverable: bool,
    /// Films may be encoded in graphics hardware, where that works. Off unless the owner wants it:
    /// it is quicker, but its pictures are worse for the same bytes.
    pub hardware_encoding: bool,
}

/// How generous the limits for clients are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateProfile {
    /// For a household.
    #[default]
    Home,
    /// For the open: CuteTube's values.
    Public,
}

/// Speed of encoding against size of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speed {
    /// Quick, larger.
    Fast,
    /// In between.
    #[default]
    Balanced,
    /// Slow, smaller.
    Small,
}

/// A place where pieces live. A title's pieces are all in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The data folder of this computer.
    #[default]
    Local,
    /// The bucket.
    Bucket,
}

/// An S3-compatible bucket.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Such as `http://nas.local:9000`.
    pub endpoint: String,
    /// Its name.
    pub name: String,
    /// `us-east-1` unless the server wants another.
    pub region: String,
    /// Who we are there.
    pub access_key: String,
    /// The secret; never shown again.
    pub secret_key: String,
    /// The bucket is part of the path, not of the host name. MinIO and most servers at home need
    /// this; Amazon wants it off.
    pub path_style: bool,
    /// Comes before every object's name, without slashes at its ends; may be empty.
    pub prefix: String,
    /// Where players fetch the pieces of titles that everyone may watch, such as a CDN in front
    /// of the bucket. Without it the server passes all bytes on.
    pub public_base_url: Option<String>,
}

impl Bucket {
    /// Where players find the object `key`, if there is a public address that can be used.
    pub fn public_address(&self, key: &str) -> Option<String> {
        let base = usable(self.public_base_url.as_deref()?)?;
        Some(match self.prefix.trim_matches('/') {
            "" => format!("{base}/{key}"),
            prefix => format!("{base}/{prefix}/{key}"),
        })
    }

    /// The public address without its path, such as `https://cdn.example.org`.
    pub fn public_origin(&self) -> Option<&str> {
        let base = usable(self.public_base_url.as_deref()?)?;
        let host = base.find("://")? + 3;
        let end = base[host..]
            .find('/')
            .map_or(base.len(), |path| host + path);
        Some(&base[..end])
    }
}

/// An address that can stand in a header, without its last slash.
fn usable(typed: &str) -> Option<&str> {
    let base = typed.trim().trim_end_matches('/');
    let rest = base
        .strip_prefix("https://")
        .or_else(|| base.strip_prefix("http://"))?;
    let usual = |letter: char| letter.is_ascii_alphanumeric() || "-._~/:[]%".contains(letter);
    (!rest.is_empty() && !rest.starts_with('/') && rest.chars().all(usual)).then_some(base)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            house_name: "Homereel".to_owned(),
            audience: Audience::Anyone,
            open_sign_up: false,
            rates: RateProfile::Home,
            encoding_paused: false,
            speed: Speed::Balanced,
            top_rung: 1080,
            place: Place::Local,
            bucket: None,
            discoverable: true,
            hardware_encoding: false,
        }
    }
}

impl Speed {
    /// The word in the configuration and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Small => "small",
        }
    }

    /// The speed with that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Fast, Self::Balanced, Self::Small]
            .into_iter()
            .find(|speed| speed.as_str() == word)
    }
}

impl Place {
    /// The word in the catalog and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Bucket => "bucket",
        }
    }

    /// The place with that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Local, Self::Bucket]
            .into_iter()
            .find(|place| place.as_str() == word)
    }
}

impl std::fmt::Debug for Bucket {
    /// Without the secret, which must not reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket")
            .field("endpoint", &self.endpoint)
            .field("name", &self.name)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, Settings, usable};

    #[test]
    fn settings_of_an_older_version_are_filled_up() {
        let settings: Settings = serde_json::from_str(r#"{"house_name":"Ada's"}"#).unwrap();
        assert_eq!(settings.house_name, "Ada's");
        assert_eq!(settings.top_rung, 1080, "what is not said is the default");
    }

    #[test]
    fn the_secret_of_a_bucket_is_not_printed() {
        let bucket = Bucket {
            endpoint: "http://nas".into(),
            name: "films".into(),
            region: "us-east-1".into(),
            access_key: "me".into(),
            secret_key: "hush".into(),
            path_style: true,
            prefix: String::new(),
            public_base_url: None,
        };
        assert!(!format!("{bucket:?}").contains("hush"));
    }

    #[test]
    fn only_a_plain_address_is_used() {
        for (typed, expected) in [
            (
                "https://cdn.example.org/films/",
                Some("https://cdn.example.org/films"),
            ),
            ("http://10.0.0.2:8080", Some("http://10.0.0.2:8080")),
            ("cdn.example.org", None),
            ("https://", None),
            ("https:///films", None),
            ("javascript://x", None),
            ("https://a; script-src *", None),
            ("https://a?x=1", None),
            ("https://me@a", None),
        ] {
            assert_eq!(usable(typed), expected, "{typed:?}");
        }
    }

    #[test]
    fn objects_are_found_below_the_public_address() {
        for (typed, prefix, address, origin) in [
            (
                "https://cdn.example.org/films/",
                "ours",
                Some("https://cdn.example.org/films/ours/key"),
                Some("https://cdn.example.org"),
            ),
            (
                "http://10.0.0.2:8080",
                "",
                Some("http://10.0.0.2:8080/key"),
                Some("http://10.0.0.2:8080"),
            ),
            ("nonsense", "ours", None, None),
        ] {
            let bucket = Bucket {
                endpoint: "http://nas".into(),
                name: "films".into(),
                region: String::new(),
                access_key: String::new(),
                secret_key: String::new(),
                path_style: true,
                prefix: prefix.into(),
                public_base_url: Some(typed.into()),
            };
            assert_eq!(
                bucket.public_address("key").as_deref(),
                address,
                "{typed:?}"
            );
            assert_eq!(bucket.public_origin(), origin, "{typed:?}");
        }
    }
}
