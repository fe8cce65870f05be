//! Finds out which encoders in graphics hardware work on this computer: each is tried by a process
//! of its own, which may crash or hang without harm. The best one is given to workers until it
//! fails too often.
//!
//! What does not belong here: how one is tried, which only the worker knows, and whom to tell.

use media_proto::hardware::{self as proto, ENCODERS, HARDWARE_ARGUMENT, Report};
use media_proto::sandbox::SELF_TEST_ARGUMENT;
use model::error::{Error, ErrorKind, Result};
use model::hardware::{Finding, Hardware, Trial};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::limits::Duty;
use crate::spawn::ProcessLauncher;

/// The test takes a second or two; a driver that wakes its card up takes a few more.
const DEADLINE: Duration = Duration::from_secs(30);

/// Films in a row that may go wrong before it is the encoder's fault.
const MOST_FAILURES: u32 = 3;

/// The encoder that workers are given.
#[derive(Debug, Default)]
pub(crate) struct Choice(Mutex<Chosen>);

#[derive(Debug, Default)]
struct Chosen {
    encoder: Option<String>,
    /// In a row.
    failures: u32,
}

impl Choice {
    fn begin(&self, encoder: Option<&str>) {
        *self.chosen() = Chosen {
            encoder: encoder.map(str::to_owned),
            failures: 0,
        };
    }

    pub(crate) fn encoder(&self) -> Option<String> {
        let chosen = self.chosen();
        let usable = chosen.failures < MOST_FAILURES;
        chosen.encoder.clone().filter(|_| usable)
    }

    pub(crate) fn count(&self, well: bool) {
        let mut chosen = self.chosen();
        match well {
            _ if chosen.failures >= MOST_FAILURES => {}
            true => chosen.failures = 0,
            false => chosen.failures += 1,
        }
    }

    fn is_given_up(&self) -> bool {
        self.chosen().failures >= MOST_FAILURES
    }

    fn chosen(&self) -> MutexGuard<'_, Chosen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The encoders that are tried unless the owner names others, best first.
pub fn usual_encoders() -> Vec<String> {
    ENCODERS.map(str::to_owned).into()
}

impl ProcessLauncher {
    /// Tries each of these encoders, one after another.
    pub async fn try_hardware(&self, encoders: &[String]) -> Hardware {
        let mut trials = Vec::new();
        for encoder in encoders {
            let finding = match self.try_one(encoder).await {
                Ok(finding) => finding,
                Err(error) => Finding::Failed(error.message().trim_end_matches('.').to_owned()),
            };
            trials.push(Trial {
                encoder: encoder.clone(),
                finding,
            });
        }
        let hardware = Hardware { trials };
        self.choice.begin(hardware.encoder());
        hardware
    }

    /// An encoder passed its trial and failed afterwards, again and again.
    pub fn has_given_hardware_up(&self) -> bool {
        self.choice.is_given_up()
    }

    async fn try_one(&self, encoder: &str) -> Result<Finding> {
        let arguments = [SELF_TEST_ARGUMENT, HARDWARE_ARGUMENT, encoder];
        let answer = self.ask(Duty::Hardware, &arguments, DEADLINE).await?;
        let report = Report::from_json(&answer.report).ok();
        let trial = report.and_then(|mut report| report.trials.pop());
        let Some(trial) = trial.filter(|trial| trial.encoder == encoder) else {
            let message = format!("its trial {}", answer.ending.how);
            return Err(Error::new(ErrorKind::Unavailable, message));
        };
        Ok(finding(trial.finding))
    }
}

fn finding(found: proto::Finding) -> Finding {
    match found {
        proto::Finding::NotCompiledIn => Finding::NotCompiledIn,
        proto::Finding::NoDevice { reason } => Finding::NoDevice(reason),
        proto::Finding::Failed { reason } => Finding::Failed(reason),
        proto::Finding::Passed { decibels } => Finding::Passed(decibels),
    }
}

#[cfg(test)]
mod tests {
    use super::Choice;
    use crate::spawn::ProcessLauncher;
    use model::hardware::Finding;

    #[test]
    fn an_encoder_is_left_alone_after_three_failures_in_a_row() {
        let choice = Choice::default();
        assert_eq!(choice.encoder(), None, "nothing was tried");
        choice.begin(Some("h264_vaapi"));
        for well in [false, false, true, false, false] {
            choice.count(well);
            assert!(choice.encoder().is_some(), "never three in a row");
        }
        choice.count(false);
        assert_eq!(choice.encoder(), None);
        choice.count(true);
        assert!(choice.is_given_up(), "until the next start");
    }

    #[tokio::test]
    async fn a_trial_that_ends_without_a_word_is_a_failure_of_that_encoder() {
        let launcher = ProcessLauncher::new("/bin/false".into()).unwrap();
        let found = launcher.try_hardware(&["h264_vaapi".into()]).await;
        let [trial] = found.trials.as_slice() else {
            panic!("one trial: {found:?}");
        };
        assert!(
            matches!(&trial.finding, Finding::Failed(reason) if reason.contains("code 1")),
            "{found:?}"
        );
        assert_eq!(found.encoder(), None);
    }
}
