//! Running other programs: the one place of this package that starts processes and talks to the
//! person who reads the test's output. What does not belong here: what those programs are for.

use anyhow::{Context, Result, bail, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A command that reads nothing from the terminal.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness drives real programs; this is its one place that starts them"
)]
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// Runs `command` to its end and returns what it wrote; a failure names the command and its
/// last words.
pub fn run(command: &mut Command) -> Result<Output> {
    let output = command
        .output()
        .with_context(|| format!("starting {}", command.get_program().to_string_lossy()))?;
    if !output.status.success() {
        bail!(
            "{command:?} ended with {}: {}",
            output.status,
            last_words(&output.stderr)
        );
    }
    Ok(output)
}

/// Runs `command` and returns its standard output as text.
pub fn text_of(command: &mut Command) -> Result<String> {
    let output = run(command)?;
    String::from_utf8(output.stdout).context("a program wrote something that is not UTF-8")
}

/// Runs `command`, which must succeed without a word on its standard error.
/// Returns its standard output.
pub fn run_silently(command: &mut Command) -> Result<Vec<u8>> {
    let output = run(command)?;
    ensure!(
        output.stderr.is_empty(),
        "{command:?} complained: {}",
        last_words(&output.stderr)
    );
    Ok(output.stdout)
}

/// The end of what a program said, short enough for a test report.
pub fn last_words(bytes: &[u8]) -> String {
    const KEPT_BYTES: usize = 4_000;
    let start = bytes.len().saturating_sub(KEPT_BYTES);
    String::from_utf8_lossy(&bytes[start..]).trim().to_owned()
}

/// Where `program` lies on the search path, if anywhere.
pub fn find(program: impl AsRef<Path>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program.as_ref()))
        .find(|candidate| candidate.is_file())
}

/// Says something that must be seen even when the test passes, such as that a part was skipped.
/// Written past the test runner's capture on purpose.
pub fn say_aloud(sentence: &str) {
    // A closed terminal is no reason to fail a test.
    let _ = writeln!(std::io::stderr(), "[homereel tests] {sentence}");
}

/// A program that `packaging/setup` made for the tests and keeps in the user's cache, or else
/// the one on the search path. `name` may lie in a folder of its own.
pub fn tool(name: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let made = cache.map(|cache| cache.join("homereel-tools").join(name));
    made.filter(|program| program.is_file())
        .or_else(|| find(Path::new(name).file_name()?))
}

/// The checkout this package lies in.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// The folder of real films with what is expected of them: the one that `HOMEREEL_MEDIA` names, or
/// the one beside the checkout.
pub fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("HOMEREEL_MEDIA").map(PathBuf::from);
    let beside = repository()
        .parent()
        .map(|parent| parent.join("shared/media"));
    let mut candidates = named.into_iter().chain(beside);
    candidates.find(|folder| folder.join("expected.json").is_file())
}

/// The folder with the test's own program, one above `deps`: cargo puts the server beside it.
pub fn build_folder() -> Result<PathBuf> {
    let own = std::env::current_exe().context("asking for the test program's own path")?;
    let folder = own.parent().context("the test program lies in no folder")?;
    let folder = if folder.ends_with("deps") {
        folder.parent().context("`deps` lies in no folder")?
    } else {
        folder
    };
    Ok(folder.to_owned())
}

/// Where people look for screenshots and reports: `target/e2e`.
pub fn report_folder() -> Result<PathBuf> {
    let target = build_folder()?;
    let folder = target
        .parent()
        .context("the build folder lies in no target folder")?
        .join("e2e");
    std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}
