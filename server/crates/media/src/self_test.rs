//! Asks a worker how well this system locks it in, before any film is given to one.
//!
//! What does not belong here: what is tried, which only the worker knows, and whom to tell.

use media_proto::sandbox::{SELF_TEST_ARGUMENT, SelfTest, Trial};
use model::error::{Context, Error, ErrorKind, Result};
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::AsyncReadExt;

use crate::launch::{Ending, Errand, Launched};
use crate::limits::Duty;
use crate::spawn::ProcessLauncher;

/// The test takes milliseconds.
const DEADLINE: Duration = Duration::from_secs(10);
/// A report has a few kilobytes.
const MAX_REPORT_BYTES: u64 = 256 * 1024;

/// How well workers are locked in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// Version of Landlock, 0 if there is none.
    pub landlock: u32,
    /// A sentence for the owner about what is open; `None` if nothing is.
    pub gap: Option<String>,
}

impl ProcessLauncher {
    /// Starts a worker that tests its own sandbox.
    ///
    /// Fails with `NotFound` if none is installed, and with `Unavailable` if it cannot lock
    /// itself in or could not work there; then nothing can be encoded on this system.
    pub async fn self_test(&self) -> Result<Confinement> {
        let answer = self
            .ask(Duty::Inspect, &[SELF_TEST_ARGUMENT], DEADLINE)
            .await?;
        let report = SelfTest::from_json(&answer.report);
        judge(&report.map_err(|_| {
            let words = answer.ending.last_words.map(|words| format!(": {words}"));
            let message = format!(
                "The encoding program did not come through its self-test; it {}{}",
                answer.ending.how,
                words.unwrap_or_default()
            );
            Error::new(ErrorKind::Unavailable, message)
        })?)
    }

    /// Starts a worker with arguments that make it test something and print what it found.
    pub(crate) async fn ask(
        &self,
        duty: Duty,
        arguments: &[&str],
        deadline: Duration,
    ) -> Result<Answer> {
        let place = Place::new().context(
            ErrorKind::Unavailable,
            "making a temporary folder for the worker's self-test",
        )?;
        let errand = Errand {
            input: File::open("/dev/null").context(ErrorKind::Unavailable, "opening /dev/null")?,
            scratch: place.folder.clone(),
            duty,
            encoders: 0,
        };
        let Launched {
            requests,
            events,
            mut life,
        } = self.launch_with(errand, arguments, Vec::new()).await?;
        drop(requests);
        let mut report = Vec::new();
        let mut events = events.take(MAX_REPORT_BYTES);
        let read = tokio::time::timeout(deadline, events.read_to_end(&mut report)).await;
        let ending = life.end(Duration::from_secs(1)).await;
        if read.is_err() {
            report.clear();
        }
        Ok(Answer { report, ending })
    }
}

/// What a worker had to say that was to test something.
pub(crate) struct Answer {
    /// What it printed; nothing if it took too long.
    pub(crate) report: Vec<u8>,
    /// How it ended.
    pub(crate) ending: Ending,
}

fn judge(test: &SelfTest) -> Result<Confinement> {
    let list = |trials: &mut dyn Iterator<Item = &Trial>| {
        let trials: Vec<&str> = trials.map(|trial| trial.what.as_str()).collect();
        (!trials.is_empty()).then(|| trials.join(", "))
    };
    if let Some(obstacles) = list(&mut test.obstacles()) {
        let message = format!("In its sandbox the encoding program cannot {obstacles}.");
        return Err(Error::new(ErrorKind::Unavailable, message));
    }
    let gap = list(&mut test.gaps()).map(|gaps| {
        format!(
            "A hostile film could do more than it should: this system's kernel lets the encoding \
             program {gaps}. A kernel with Landlock (Linux 5.13 or newer) prevents it."
        )
    });
    Ok(Confinement {
        landlock: test.landlock,
        gap,
    })
}

/// A temporary folder with another one in it, which the worker gets. Removed when dropped.
struct Place {
    root: PathBuf,
    folder: PathBuf,
}

impl Place {
    fn new() -> std::io::Result<Self> {
        /// Tells apart the tests of one process.
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("homereel-self-test-{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(name);
        // One that a killed server of the same number left behind.
        let _ = fs::remove_dir_all(&root);
        DirBuilder::new().mode(0o700).create(&root)?;
        let folder = root.join("folder");
        let place = Self { root, folder };
        fs::create_dir(&place.folder)?;
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.root) {
            tracing::debug!(%error, "A temporary folder stays behind.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::spawn::ProcessLauncher;
    use media_proto::sandbox::{SelfTest, Trial};
    use model::error::ErrorKind;

    fn trial(what: &str, forbidden: bool, refused: bool) -> Trial {
        Trial {
            what: what.into(),
            forbidden,
            refused,
            answer: "as the kernel pleases".into(),
        }
    }

    #[test]
    fn gaps_are_told_and_obstacles_are_errors() {
        let whole = vec![
            trial("open a socket", true, true),
            trial("start a thread", false, false),
        ];
        let judged = |more: Trial| {
            let mut trials = whole.clone();
            trials.push(more);
            judge(&SelfTest {
                landlock: 2,
                trials,
            })
        };
        let sound = judged(trial("mount", true, true)).unwrap();
        assert_eq!((sound.landlock, sound.gap), (2, None));
        let open = judged(trial("mount", true, false)).unwrap();
        assert!(open.gap.unwrap().contains("program mount."), "it is named");
        let stuck = judged(trial("write a file", false, true)).unwrap_err();
        assert!(stuck.message().contains("cannot write a file"), "{stuck}");
    }

    #[tokio::test]
    async fn a_program_that_reports_nothing_is_told_with_its_last_words() {
        let launcher = ProcessLauncher::new("/bin/cp".into()).unwrap();
        let error = launcher.self_test().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("missing destination"), "{error}");
    }
}
