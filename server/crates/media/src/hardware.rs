//! Finds out which encoders in graphics hardware work on this computer: each is tried by a process
//! of its own, which may crash or hang without harm.
//!
//! What does not belong here: how one is tried, which only the worker knows, and whom to tell.

use media_proto::hardware::{self as proto, ENCODERS, HARDWARE_ARGUMENT, Report};
use media_proto::sandbox::SELF_TEST_ARGUMENT;
use model::error::{Error, ErrorKind, Result};
use model::hardware::{Finding, Hardware, Trial};
use std::time::Duration;

use crate::limits::Duty;
use crate::spawn::ProcessLauncher;

/// The test takes a second or two; a driver that wakes its card up takes a few more.
const DEADLINE: Duration = Duration::from_secs(30);

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
        Hardware { trials }
    }

    async fn try_one(&self, encoder: &str) -> Result<Finding> {
        let arguments = [SELF_TEST_ARGUMENT, HARDWARE_ARGUMENT, encoder];
        let answer = self.ask(Duty::TryHardware, &arguments, DEADLINE).await?;
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
    use crate::spawn::ProcessLauncher;
    use model::hardware::Finding;

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
