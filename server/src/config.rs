//! What the owner can decide: a TOML file, the environment and the command line, put together
//! over defaults. `homereel.example.toml` is the manual; a test keeps it true.
//!
//! What does not belong here: doing anything with it.

mod file;
mod watched;

use delivery::origin::Network;
use model::error::{Context, Error, ErrorKind, Result};
use model::settings::{Bucket, Speed};
use std::ffi::OsString;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::file::{FileContent, read};
use crate::config::watched::without_nested;

/// Where to listen unless told otherwise: for the whole house.
const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8096);

/// Everything a server needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where everything of ours lives; absolute.
    pub data_dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Watched folders; absolute.
    pub watch: Vec<PathBuf>,
    /// The watched folder is ours to make, because nobody chose one.
    pub make_watch: bool,
    /// Further names under which this machine is reached.
    pub host_names: Vec<String>,
    /// Where people find this server, where its machine cannot know: scheme, name, port.
    pub public_url: Option<String>,
    /// Proxies that are believed when they say from whom a request comes, and how.
    pub trusted_proxies: Vec<Network>,
    /// The encoding program; `None` for the one beside this program.
    pub worker: Option<PathBuf>,
    /// Speed against size, until somebody chooses another on the settings page.
    pub speed: Speed,
    /// Encoders in graphics hardware that are tried, by libav's names, best first.
    pub hardware: Vec<String>,
    /// Where pieces go, until somebody decides otherwise on the settings page; `None` for this
    /// computer.
    pub bucket: Option<Bucket>,
    /// Encoding waits below this much free space.
    pub reserve_bytes: u64,
    /// How long a file must be at rest.
    pub settle: Duration,
    /// How long an incomplete file is waited for.
    pub patience: Duration,
    /// How often watched folders are read through.
    pub scan_interval: Duration,
}

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--watch`, as often as given
    pub watch: Vec<PathBuf>,
}

/// What the environment says; a function, so that tests can have their own.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Config {
    /// Puts command line, environment, file and defaults together, in this order of precedence.
    ///
    /// # Errors
    /// `InvalidInput` with a sentence that names the place and what is accepted there.
    pub fn load(flags: &Flags, environment: Environment<'_>) -> Result<Self> {
        let file = match path_from(&flags.config, environment, "HOMEREEL_CONFIG") {
            Some(path) => read(&path)?,
            None => FileContent::default(),
        };
        let data_dir = data_dir(flags, environment, file.data_dir)?;
        let (watch, make_watch) = watch(flags, environment, file.watch)?;
        Ok(Self {
            watch: without_nested(&data_dir, watch)?,
            data_dir,
            make_watch,
            listen: listen(flags, environment, file.listen)?,
            host_names: file.host_names,
            public_url: public_url(environment, file.public_url)?,
            trusted_proxies: proxies(&file.trusted_proxies)?,
            worker: path_from(&None, environment, "HOMEREEL_WORKER_PATH").or(file.worker),
            speed: speed(environment, &file.encoding.preset)?,
            hardware: file.encoding.hardware,
            bucket: file.bucket.map(Bucket::from),
            reserve_bytes: file.encoding.reserve_megabytes.saturating_mul(1024 * 1024),
            settle: seconds("settle_seconds", file.arrival.settle_seconds)?,
            patience: seconds("patience_seconds", file.arrival.patience_seconds)?,
            scan_interval: seconds("scan_interval_seconds", file.arrival.scan_interval_seconds)?,
        })
    }
}

fn data_dir(flags: &Flags, environment: Environment<'_>, file: Option<PathBuf>) -> Result<PathBuf> {
    let chosen = path_from(&flags.data_dir, environment, "HOMEREEL_DATA_DIR").or(file);
    let path = match chosen {
        Some(path) => path,
        None => default_data_dir(environment)?,
    };
    absolute(&path)
}

fn default_data_dir(environment: Environment<'_>) -> Result<PathBuf> {
    let data_home = environment("XDG_DATA_HOME").map(PathBuf::from);
    // The specification says that a relative path is to be ignored.
    if let Some(data_home) = data_home.filter(|path| path.is_absolute()) {
        return Ok(data_home.join("homereel"));
    }
    Ok(home(environment, "--data-dir DIR")?.join(".local/share/homereel"))
}

fn watch(
    flags: &Flags,
    environment: Environment<'_>,
    file: Option<Vec<PathBuf>>,
) -> Result<(Vec<PathBuf>, bool)> {
    let from_environment = || {
        let list = environment("HOMEREEL_WATCH").filter(|list| !list.is_empty())?;
        Some(std::env::split_paths(&list).collect::<Vec<_>>())
    };
    let from_flags = (!flags.watch.is_empty()).then(|| flags.watch.clone());
    let chosen = from_flags.or_else(from_environment).or(file);
    let (folders, make) = match chosen {
        Some(folders) => (folders, false),
        None => (
            vec![home(environment, "--watch DIR")?.join("Homereel/Drop")],
            true,
        ),
    };
    let folders: Result<Vec<PathBuf>> = folders.iter().map(|folder| absolute(folder)).collect();
    Ok((folders?, make))
}

fn listen(flags: &Flags, environment: Environment<'_>, file: Option<String>) -> Result<SocketAddr> {
    let from_environment = || text_from(environment, "HOMEREEL_LISTEN");
    let Some(text) = flags.listen.clone().or_else(from_environment).or(file) else {
        return Ok(DEFAULT_LISTEN);
    };
    text.parse().map_err(|_| {
        invalid(format!(
            "{text:?} is not an address to listen on. Say something like 0.0.0.0:8096 (everybody \
             in the house), 127.0.0.1:8096 (this machine only) or [::]:8096."
        ))
    })
}

fn public_url(environment: Environment<'_>, file: Option<String>) -> Result<Option<String>> {
    let Some(text) = text_from(environment, "HOMEREEL_PUBLIC_URL").or(file) else {
        return Ok(None);
    };
    let url = text.trim_end_matches('/');
    match host_of(url) {
        Some(_) => Ok(Some(url.to_owned())),
        None => Err(invalid(format!(
            "{text:?} is not where people find a server. Say something like \
             http://192.168.1.2:8096 or https://films.example.org, without a path."
        ))),
    }
}

/// The name or address in a URL of scheme, name and port.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("http://")
        .or(url.strip_prefix("https://"))?;
    let (host, port) = match rest.rsplit_once(':') {
        // The colons of an IPv6 address are in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_of_a_name),
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    (is_host && is_port).then_some(host)
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

fn proxies(texts: &[String]) -> Result<Vec<Network>> {
    let read = |text: &String| {
        Network::parse(text).ok_or_else(|| {
            invalid(format!(
                "{text:?} in trusted_proxies is no address. Say something like \"127.0.0.1\" or \
                 \"172.16.0.0/12\"."
            ))
        })
    };
    texts.iter().map(read).collect()
}

fn speed(environment: Environment<'_>, file: &str) -> Result<Speed> {
    let word = text_from(environment, "HOMEREEL_PRESET").unwrap_or_else(|| file.to_owned());
    Speed::parse(&word).ok_or_else(|| {
        invalid(format!(
            "{word:?} is not an encoding preset. Say \"fast\", \"balanced\" or \"small\"."
        ))
    })
}

fn seconds(name: &str, value: u32) -> Result<Duration> {
    const DAY: u32 = 24 * 60 * 60;
    if (1..=DAY).contains(&value) {
        return Ok(Duration::from_secs(value.into()));
    }
    Err(invalid(format!(
        "{name} is {value}, but must be between 1 and {DAY}"
    )))
}

fn home(environment: Environment<'_>, instead: &str) -> Result<PathBuf> {
    let home = environment("HOME").map(PathBuf::from);
    home.filter(|home| home.is_absolute()).ok_or_else(|| {
        invalid(format!(
            "HOME is not set, so there is no default folder. Say {instead}."
        ))
    })
}

fn path_from(flag: &Option<PathBuf>, environment: Environment<'_>, name: &str) -> Option<PathBuf> {
    let from_environment = || environment(name).filter(|value| !value.is_empty());
    flag.clone()
        .or_else(|| from_environment().map(PathBuf::from))
}

fn text_from(environment: Environment<'_>, name: &str) -> Option<String> {
    let value = environment(name).filter(|value| !value.is_empty())?;
    Some(value.to_string_lossy().into_owned())
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(ErrorKind::InvalidInput, || {
        format!("{:?} is not a path", path.display())
    })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::{Config, Flags, host_of};
    use model::error::Result;
    use model::settings::Speed;
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    fn load(flags: Flags, variables: &[(&str, &str)]) -> Result<Config> {
        let find = |name: &str| {
            let mut variables = variables.iter().chain(&[("HOME", "/home/ada")]);
            let found = variables.find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Config::load(&flags, &find)
    }

    fn with_file(text: &str) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("homereel.toml");
        std::fs::write(&path, text).unwrap();
        let flags = Flags {
            config: Some(path),
            ..Flags::default()
        };
        load(flags, &[])
    }

    #[test]
    fn the_example_is_the_default() {
        let example = with_file(include_str!("../homereel.example.toml")).unwrap();
        let default = load(Flags::default(), &[]).unwrap();
        assert_eq!(
            example, default,
            "the manual must say what happens without it"
        );
        assert_eq!(
            default.data_dir,
            Path::new("/home/ada/.local/share/homereel")
        );
        assert_eq!(default.watch, [Path::new("/home/ada/Homereel/Drop")]);
        assert!(default.make_watch, "nobody chose the folder, so we make it");
    }

    #[test]
    fn the_command_line_counts_before_the_environment_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("homereel.toml");
        std::fs::write(
            &path,
            "listen = '127.0.0.1:1'\ndata_dir = '/file'\nwatch = ['/f']",
        )
        .unwrap();
        let flags = Flags {
            config: Some(path),
            listen: Some("127.0.0.1:3".into()),
            ..Flags::default()
        };
        let variables = [
            ("HOMEREEL_LISTEN", "127.0.0.1:2"),
            ("HOMEREEL_DATA_DIR", "/environment"),
        ];
        let config = load(flags, &variables).unwrap();
        assert_eq!(config.listen.port(), 3, "the command line counts most");
        assert_eq!(config.data_dir, Path::new("/environment"));
        assert_eq!(
            config.watch,
            [Path::new("/f")],
            "only the file speaks of it"
        );
        assert!(!config.make_watch, "a chosen folder is not ours to make");
    }

    #[test]
    fn the_environment_can_name_several_folders() {
        let config = load(Flags::default(), &[("HOMEREEL_WATCH", "/a:/b c")]).unwrap();
        assert_eq!(config.watch, [PathBuf::from("/a"), PathBuf::from("/b c")]);
    }

    #[test]
    fn people_are_sent_where_the_owner_says() {
        for (text, expected) in [
            ("http://192.168.1.2:8096", Some("192.168.1.2")),
            ("https://films.example.org/", Some("films.example.org")),
            ("http://[2001:db8::1]:80", Some("[2001:db8::1]")),
            ("http://[2001:db8::1]", Some("[2001:db8::1]")),
            ("films.example.org", None),
            ("ftp://nas", None),
            ("http://", None),
            ("http://nas/films", None),
            ("http://nas:99999", None),
            ("http://me:secret@nas", None),
            ("http://na s", None),
        ] {
            let config = load(Flags::default(), &[("HOMEREEL_PUBLIC_URL", text)]);
            let host = config.as_ref().ok().and_then(|config| {
                let url = config.public_url.as_deref()?;
                assert!(!url.ends_with('/'), "{url}");
                host_of(url)
            });
            assert_eq!(host, expected, "{text}");
        }
        let config = with_file("public_url = 'http://nas:1'").unwrap();
        assert_eq!(config.public_url.as_deref(), Some("http://nas:1"));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let cases = [
            ("lisen = '0.0.0.0:1'", "lisen"),
            ("[encoding]\nprest = 'fast'", "line 2"),
            ("listen = 80", "listen = 80"),
            ("listen = 'localhost'", "0.0.0.0:8096"),
            ("trusted_proxies = ['proxy']", "172.16.0.0/12"),
            ("[encoding]\npreset = 'best'", "\"balanced\""),
            ("[encoding]\nreserve_megabytes = -1", "reserve_megabytes"),
            ("[arrival]\nsettle_seconds = 0", "settle_seconds"),
            ("[arrival]\nsettle_seconds = 1e400", "settle_seconds"),
            ("listen = 'a'\nlisten = 'b'", "duplicate"),
        ];
        for (text, expected) in cases {
            let error = with_file(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn files_from_other_systems_are_read() {
        let config = with_file("\u{feff}[encoding]\r\npreset = 'small'\r\n").unwrap();
        assert_eq!(config.speed, Speed::Small);
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for path in ["/", "/nowhere/homereel.toml"] {
            let flags = Flags {
                config: Some(path.into()),
                ..Flags::default()
            };
            let error = load(flags, &[]).unwrap_err();
            assert!(error.to_string().contains(path), "{error}");
        }
        let error = with_file(&"#".repeat(2 * 1024 * 1024)).unwrap_err();
        assert!(error.to_string().contains("1 MB"), "{error}");
    }

    #[test]
    fn folders_that_would_make_a_loop_are_refused() {
        for folder in ["/", "/proc/1", "/data", "/data/store", "/"] {
            let flags = Flags {
                data_dir: Some("/data".into()),
                watch: vec![folder.into()],
                ..Flags::default()
            };
            assert!(load(flags, &[]).is_err(), "{folder} must not be watched");
        }
    }

    #[test]
    fn a_folder_inside_another_is_watched_once() {
        let flags = Flags {
            watch: ["/films/new", "/films", "/films", "/filmstrips"]
                .map(Into::into)
                .into(),
            ..Flags::default()
        };
        let config = load(flags, &[]).unwrap();
        assert_eq!(
            config.watch,
            [Path::new("/films"), Path::new("/filmstrips")]
        );
    }

    #[test]
    fn without_a_home_the_owner_is_asked_to_choose() {
        let error = Config::load(&Flags::default(), &|_| None).unwrap_err();
        assert!(error.to_string().contains("--data-dir"), "{error}");
    }
}
