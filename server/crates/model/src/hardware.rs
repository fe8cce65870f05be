//! What this computer's graphics hardware can encode, as it was found out by trying. Plain data and
//! sentences; what does not belong here: trying, and whether the owner allows it (`settings`).

/// What became of every encoder that was tried, best first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hardware {
    /// The trials.
    pub trials: Vec<Trial>,
}

/// An encoder that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// libav's name, such as `h264_vaapi`.
    pub encoder: String,
    /// What became of it.
    pub finding: Finding,
}

/// What became of an encoder. The reasons are a few words without a full stop.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// The libav at hand does not have it.
    NotCompiledIn,
    /// There is nothing it could run on.
    NoDevice(String),
    /// It does not work, or not as it must.
    Failed(String),
    /// It works; with what likeness of the pictures, in decibels.
    Passed(f64),
}

impl Hardware {
    /// The best encoder that works.
    pub fn encoder(&self) -> Option<&str> {
        let works = |trial: &&Trial| matches!(trial.finding, Finding::Passed(_));
        let best = self.trials.iter().find(works)?;
        Some(&best.encoder)
    }

    /// One line for the owner.
    pub fn sentence(&self) -> String {
        let begin = match self.encoder() {
            Some(encoder) => format!("Hardware encoder: {}", shown(encoder)),
            None if self.trials.is_empty() => return "No hardware encoder is looked for.".into(),
            None => "No hardware encoder".to_owned(),
        };
        let rest = self.trials.iter().filter(|trial| {
            // What was never built in is of interest only where there is nothing else.
            self.encoder() != Some(&trial.encoder) && trial.finding != Finding::NotCompiledIn
        });
        let rest: Vec<String> = rest.map(Trial::words).collect();
        match (rest.is_empty(), self.encoder().is_some()) {
            (true, true) => format!("{begin}."),
            (true, false) => format!("{begin} is built into libav here."),
            (false, _) => format!("{begin}. {}.", rest.join("; ")),
        }
    }
}

impl Trial {
    /// "VAAPI: there is no /dev/dri".
    fn words(&self) -> String {
        let name = shown(&self.encoder);
        match &self.finding {
            Finding::NotCompiledIn => format!("{name}: not built in"),
            Finding::NoDevice(reason) => format!("{name}: {reason}"),
            Finding::Failed(reason) => format!("{name} does not work: {reason}"),
            Finding::Passed(decibels) => format!("{name} works, too ({decibels:.0} dB)"),
        }
    }
}

/// What people call an encoder.
fn shown(encoder: &str) -> &str {
    match encoder {
        "h264_nvenc" => "NVENC",
        "h264_qsv" => "Quick Sync",
        "h264_vaapi" => "VAAPI",
        "h264_videotoolbox" => "VideoToolbox",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Finding, Hardware, Trial};

    fn found(trials: &[(&str, Finding)]) -> Hardware {
        let trial = |(encoder, finding): &(&str, Finding)| Trial {
            encoder: (*encoder).into(),
            finding: finding.clone(),
        };
        Hardware {
            trials: trials.iter().map(trial).collect(),
        }
    }

    #[test]
    fn the_first_that_works_is_taken_and_the_rest_is_told_in_one_line() {
        let missing = Finding::NoDevice("there is no /dev/nvidiactl".into());
        let broken = Finding::Failed("it cannot be opened".into());
        let cases = [
            (found(&[]), None, "No hardware encoder is looked for."),
            (
                found(&[("h264_videotoolbox", Finding::NotCompiledIn)]),
                None,
                "No hardware encoder is built into libav here.",
            ),
            (
                found(&[
                    ("h264_nvenc", missing.clone()),
                    ("h264_vaapi", broken),
                    ("h264_videotoolbox", Finding::NotCompiledIn),
                ]),
                None,
                "No hardware encoder. NVENC: there is no /dev/nvidiactl; VAAPI does not work: it \
                 cannot be opened.",
            ),
            (
                found(&[
                    ("h264_nvenc", missing),
                    ("h264_qsv", Finding::Passed(41.0)),
                    ("h264_vaapi", Finding::Passed(40.2)),
                ]),
                Some("h264_qsv"),
                "Hardware encoder: Quick Sync. NVENC: there is no /dev/nvidiactl; VAAPI works, too \
                 (40 dB).",
            ),
            (
                found(&[("h264_vaapi", Finding::Passed(40.0))]),
                Some("h264_vaapi"),
                "Hardware encoder: VAAPI.",
            ),
        ];
        for (hardware, encoder, sentence) in cases {
            assert_eq!(hardware.encoder(), encoder, "{hardware:?}");
            assert_eq!(hardware.sentence(), sentence);
        }
    }
}
