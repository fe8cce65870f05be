//! Starting at login: an entry in the person's autostart folder, which desktops read
//! (Desktop Application Autostart Specification of freedesktop.org).
//!
//! What does not belong here: when somebody wants it (`tray`).

use homereel::config::Flags;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use tauri::{AppHandle, Manager};

/// Like the entry of the package, which is the same program.
const ENTRY: &str = "homereel.desktop";
/// What needs no quotes in a command line, besides letters and digits.
const PLAIN: &str = "-_./:=@+,";

/// How this start of the app is repeated at login.
#[derive(Debug)]
pub(crate) struct Login {
    arguments: Vec<OsString>,
}

impl Login {
    /// Starting at login serves what this start does.
    pub(crate) fn of(flags: &Flags) -> Self {
        let path = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let (config, data_dir) = (flags.config.iter(), flags.data_dir.iter());
        let named = config.map(|config| ("--config", path(config).into()));
        let named = named.chain(data_dir.map(|folder| ("--data-dir", path(folder).into())));
        let named = named.chain(
            flags
                .listen
                .iter()
                .map(|listen| ("--listen", listen.into())),
        );
        let named = named.chain(
            flags
                .watch
                .iter()
                .map(|folder| ("--watch", path(folder).into())),
        );
        let mut arguments = vec!["--hidden".into()];
        for (name, value) in named {
            arguments.extend([name.into(), value]);
        }
        Self { arguments }
    }

    /// Whether Homereel starts at login.
    pub(crate) fn is_on(app: &AppHandle) -> bool {
        entry_file(app).is_ok_and(|file| file.exists())
    }

    /// Starts Homereel at login from now on, or no longer.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn switch(&self, app: &AppHandle, on: bool) -> Result<(), String> {
        let file = entry_file(app)?;
        let outcome = if on {
            let program = std::env::current_exe().map_err(|error| error.to_string())?;
            write(&file, &entry(&program, &self.arguments)?)
        } else {
            remove(&file)
        };
        outcome.map_err(|error| format!("{}: {error}", file.display()))
    }
}

fn entry_file(app: &AppHandle) -> Result<PathBuf, String> {
    let folder = app.path().config_dir().map_err(|error| error.to_string())?;
    Ok(folder.join("autostart").join(ENTRY))
}

/// Beside its name and then renamed: half an entry would start nothing.
fn write(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = file.with_extension("desktop-draft");
    fs::write(&draft, text)?;
    fs::rename(&draft, file)
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

fn entry(program: &Path, arguments: &[OsString]) -> Result<String, String> {
    let words = std::iter::once(program.as_os_str()).chain(arguments.iter().map(|word| &**word));
    let words: Option<Vec<String>> = words.map(|word| word.to_str().map(quoted)).collect();
    let words = words.ok_or("The name of a folder is not UTF-8, so it cannot be written down.")?;
    Ok(format!(
        "[Desktop Entry]\n\
         Type=Application\n\
         Name=Homereel\n\
         Comment=Your films are reachable in the house from login on\n\
         Exec={}\n\
         Icon=homereel\n\
         Terminal=false\n\
         StartupNotify=false\n",
        words.join(" ")
    ))
}

/// `word` as the Desktop Entry Specification wants it in `Exec`: quoted for the command line, then
/// escaped as every text is.
fn quoted(word: &str) -> String {
    if !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || PLAIN.contains(c))
    {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    for letter in word.chars() {
        match letter {
            '"' | '`' | '$' => quoted.extend(["\\\\", letter.encode_utf8(&mut [0; 4])]),
            '\\' => quoted.push_str("\\\\\\\\"),
            '%' => quoted.push_str("%%"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::{Login, entry, quoted};
    use homereel::config::Flags;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    #[test]
    fn a_word_is_quoted_as_the_specification_has_it() {
        let check = |word, expected| assert_eq!(quoted(word), expected, "{word:?}");
        check("/srv/films", "/srv/films");
        check("127.0.0.1:8096", "127.0.0.1:8096");
        check("", "\"\"");
        check("/srv/our films", "\"/srv/our films\"");
        check("/srv/films & more; é", "\"/srv/films & more; é\"");
        check("a\"b`c$d", r#""a\\"b\\`c\\$d""#);
        check(r"a\b", r#""a\\\\b""#);
        check("100%", "\"100%%\"");
        check("a\nb", r#""a\nb""#);
    }

    #[test]
    fn the_start_at_login_serves_what_this_one_does() {
        let flags = Flags {
            config: Some("/etc/homereel.toml".into()),
            data_dir: Some("/srv/our data".into()),
            listen: Some("127.0.0.1:9000".to_owned()),
            watch: vec!["/srv/films".into(), "/srv/clips".into()],
        };
        let login = Login::of(&flags);
        let text = entry(Path::new("/usr/bin/homereel-desktop"), &login.arguments).unwrap();
        let expected = "\nExec=/usr/bin/homereel-desktop --hidden --config /etc/homereel.toml \
                        --data-dir \"/srv/our data\" --listen 127.0.0.1:9000 --watch /srv/films \
                        --watch /srv/clips\n";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn folders_are_written_down_in_full_and_only_in_utf_8() {
        let relative = Flags {
            data_dir: Some("data".into()),
            ..Flags::default()
        };
        let login = Login::of(&relative);
        let folder = login.arguments.last().unwrap();
        assert!(Path::new(folder).is_absolute(), "{folder:?}");
        let strange = OsStr::from_bytes(b"/srv/\xff").to_owned();
        assert!(entry(Path::new("/bin/true"), &[strange]).is_err());
    }
}
