//! The worker's sandbox, seen from outside by strace: once it is closed, a worker reads one input,
//! writes into its own folder, and asks for nothing else, whatever the film is. What does not
//! belong here: that the kernel refuses what is asked all the same (the worker's self-test).

use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::hostile::lists::disguised_lures;
use tests::api::Video;
use tests::program::{build_folder, find, say_aloud};
use tests::server::Home;
use tests::verifier::Report;
use tests::{media_maker, stage};

/// Tracing makes everything slow.
const PATIENCE: Duration = Duration::from_secs(240);
/// Every call that names a file, a process or the network, and what is read and written.
const TRACED: &str = "%file,%network,%process,pread64,read,readv,write,writev,seccomp";
/// Filters are installed in two steps; then the sandbox is closed.
const CLOSING_STEPS: usize = 2;

/// What the workers of one server did, a file for each.
struct Traces {
    folder: PathBuf,
    home: Home,
}

#[test]
fn a_worker_reads_one_file_writes_into_one_folder_and_asks_for_nothing_else() -> Result<()> {
    let Some(strace) = find("strace") else {
        say_aloud("SKIPPED: workers under strace, because strace is not installed");
        return Ok(());
    };
    let _turn = stage::shared();
    let traces = Traces::prepare(&strace)?;
    let home = &traces.home;
    let extensions = ["mp4", "mkv", "ts", "webm", "avi"].into_iter();
    let clips = extensions.map(|extension| media_maker::plain(extension, 12).make());
    let clips: Vec<PathBuf> = clips.collect::<Result<_>>()?;
    let lures = lures(home)?;
    let server = home.serve()?;
    let mut names = Vec::new();
    for clip in &clips {
        names.push(home.drop_file(clip)?);
    }
    for (name, words) in lures {
        fs::write(home.drop_folder().join(&name), words)?;
        names.push(name);
    }
    for name in &names {
        server
            .api
            .wait_for_video(name, "in a final state", PATIENCE, Video::is_final)?;
    }
    server.stop()?;
    traces.judge()
}

/// Texts that ffmpeg takes for lists of other files, under names of films.
fn lures(home: &Home) -> Result<Vec<(String, String)>> {
    let secret = home.folder().join("secret.mp4");
    fs::copy(media_maker::tiny(60).make()?, &secret)?;
    Ok(disguised_lures(&secret))
}

impl Traces {
    /// An installation whose workers run under strace.
    fn prepare(strace: &Path) -> Result<Self> {
        let folder = tempfile::TempDir::with_prefix("homereel-strace-")?.keep();
        let script = folder.join("traced-worker");
        let worker = build_folder()?.join("homereel-worker");
        let (strace, shown) = (strace.display(), folder.display());
        let words = format!(
            "#!/bin/sh\n\
             worker={}\n\
             # Tries everything on purpose.\n\
             [ \"$1\" = self-test ] && exec \"$worker\" \"$@\"\n\
             exec {strace} -f -y -qq -s 0 -e trace={TRACED} -o {shown}/$$.trace \"$worker\"\n",
            worker.display()
        );
        fs::write(&script, words)?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        let home = Home::configured(&format!("worker = \"{}\"\n", script.display()))?;
        Ok(Self { folder, home })
    }

    fn judge(&self) -> Result<()> {
        let mut report = Report::default();
        let mut films = 0;
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path
                .extension()
                .is_none_or(|extension| extension != "trace")
            {
                continue;
            }
            let text = fs::read_to_string(&path)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            match Conduct::of(&text) {
                Ok(conduct) => {
                    films += usize::from(conduct.inputs.len() == 1 && conduct.written > 0)
                }
                Err(error) => report.note(&name, Err(error)),
            }
        }
        report.note(
            "coverage",
            (films >= 5)
                .then_some(())
                .with_context(|| format!("only {films} workers made something")),
        );
        let outcome = report.conclude();
        if outcome.is_ok() {
            fs::remove_dir_all(&self.folder)?;
        }
        outcome
    }
}

/// What one worker did once its sandbox was closed.
#[derive(Debug, Default)]
struct Conduct {
    inputs: std::collections::BTreeSet<String>,
    written: usize,
}

impl Conduct {
    fn of(trace: &str) -> Result<Self> {
        let mut conduct = Self::default();
        let mut closed = 0;
        for line in trace.lines() {
            // "1234 pread64(5</srv/film.mkv>, ""..., 131072, 0) = 131072"
            let call = line.split_once(' ').map_or("", |(_, call)| call.trim());
            if closed < CLOSING_STEPS {
                closed += usize::from(
                    call.starts_with("seccomp(SECCOMP_SET_MODE_FILTER") && call.ends_with("= 0"),
                );
            } else {
                conduct.observe(call).with_context(|| line.to_owned())?;
            }
        }
        ensure!(closed == CLOSING_STEPS, "the sandbox was never closed");
        ensure!(
            conduct.inputs.len() <= 1,
            "more than one input: {:?}",
            conduct.inputs
        );
        Ok(conduct)
    }

    fn observe(&mut self, call: &str) -> Result<()> {
        let (name, arguments) = call.split_once('(').unwrap_or((call, ""));
        match name {
            "pread64" => self.inputs.extend(path_of(arguments).map(str::to_owned)),
            "read" if arguments.starts_with("0<pipe") => {}
            "write" if arguments.starts_with("1<pipe") || arguments.starts_with("2<pipe") => {}
            "openat" if is_refused_look(call) => {}
            "write" | "openat" | "renameat" | "unlinkat" => {
                let path = path_of(arguments).context("a place without a name")?;
                ensure!(path.contains("/scratch/"), "not in its folder");
                ensure!(
                    name != "openat" || arguments.contains("O_WRONLY|O_CREAT|O_TRUNC"),
                    "not a new file"
                );
                self.written += usize::from(name == "renameat");
            }
            "clone" => ensure!(arguments.contains("CLONE_THREAD"), "a process"),
            "clone3" => ensure!(was_unknown(call), "not refused"),
            _ if name.starts_with("<... clone3") => ensure!(was_unknown(call), "not refused"),
            "exit" | "exit_group" => {}
            _ if name.starts_with("<...") || name.starts_with("+++") || name.starts_with("---") => {
            }
            _ => bail!("it asks for something that work does not need"),
        }
        Ok(())
    }
}

/// The C library looks for tables of old characters and for how the kernel lends memory. It is
/// refused, and does without.
fn is_refused_look(call: &str) -> bool {
    const LOOKED_FOR: [&str; 2] = ["/gconv/", "\"/proc/sys/vm/overcommit_memory\""];
    let is_known = LOOKED_FOR.iter().any(|path| call.contains(path));
    is_known && call.contains(" = -1 EPERM")
}

/// The kernel pretended not to know the call, or its answer follows on another line.
fn was_unknown(call: &str) -> bool {
    call.ends_with("ENOSYS (Function not implemented)") || call.ends_with("<unfinished ...>")
}

/// The path that strace shows for the first argument, a descriptor.
fn path_of(arguments: &str) -> Option<&str> {
    let (_, rest) = arguments.split_once('<')?;
    let (path, _) = rest.split_once('>')?;
    Some(path)
}
