//! Proves that a finished title is what it should be. Each proof is a function of its own that
//! fails with a sentence; all failures are gathered, so that one report shows the whole damage.
//!
//! What does not belong here: getting the title (`download`), reading its boxes (`isobmff`).

use anyhow::{Result, bail};

use crate::download::Download;
use crate::source::Presented;

pub mod frames;
pub mod readers;
pub mod segments;
pub mod sync;
pub mod timeline;

/// How many segments are decoded one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Every one.
    Full,
    /// The first, the middle and the last of each stream.
    Cheap,
}

/// Gathers failed proofs.
#[derive(Debug, Default)]
pub struct Report {
    failures: Vec<String>,
}

impl Report {
    /// Notes the outcome of a proof.
    pub fn note(&mut self, what: &str, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.failures.push(format!("{what}: {error:#}"));
        }
    }

    /// Fails with everything that was noted.
    pub fn conclude(self) -> Result<()> {
        if self.failures.is_empty() {
            return Ok(());
        }
        bail!(
            "{} proofs failed:\n- {}",
            self.failures.len(),
            self.failures.join("\n- ")
        )
    }
}

/// A proof: a function that fails with a sentence.
type Proof = fn(&Download) -> Result<()>;

/// Every proof about the bytes of a title; `presented` is what its source shows, if known.
/// What a reader over HTTP says is proved by [`readers::prove`].
pub fn prove(download: &Download, presented: Option<&Presented>, effort: Effort) -> Result<()> {
    let mut report = Report::default();
    let proofs: [(&str, Proof); 8] = [
        ("no gaps", timeline::decode_times_are_contiguous),
        ("same cuts", timeline::rungs_cut_at_the_same_times),
        ("manifests", timeline::manifests_tell_the_times_of_the_media),
        ("one end", timeline::all_streams_end_together),
        ("playlists", timeline::playlists_follow_the_rules),
        ("IDR", segments::every_segment_starts_with_an_idr),
        ("CODECS", segments::codecs_are_what_the_bytes_say),
        ("BANDWIDTH", segments::peaks_stay_within_bandwidth),
    ];
    for (what, proof) in proofs {
        report.note(what, proof(download));
    }
    report.note(
        "decoding",
        segments::segments_decode_alone(download, effort),
    );
    if let Some(presented) = presented {
        report.note(
            "frames",
            frames::pictures_are_the_sources(download, presented),
        );
    }
    report.conclude()
}

#[cfg(test)]
mod tests {
    use super::{Effort, Report, frames, readers, segments, sync, timeline};
    use crate::download::Download;
    use crate::media_maker;
    use crate::program::{command, run};
    use crate::source::Presented;
    use std::path::Path;
    use tempfile::TempDir;

    /// The flash-and-beep clip as ffmpeg's own muxer lays it out: two qualities, cut every 2 s.
    fn packaged_by_ffmpeg() -> (TempDir, Download, Presented) {
        let source = media_maker::flash_and_beep("mp4").make().unwrap();
        let folder = TempDir::new().unwrap();
        package(&source, folder.path());
        let download = Download::of_folder(folder.path()).unwrap();
        let presented = Presented::of(&source, None).unwrap();
        (folder, download, presented)
    }

    fn package(source: &Path, folder: &Path) {
        run(command("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(source)
            .args("-map 0:v -map 0:v -map 0:a? -c:v libx264 -bf 0 -s:v:0 320x180 -c:a aac -ar 48000 -fps_mode passthrough".split(' '))
            .args("-force_key_frames expr:gte(t,n_forced*2) -sc_threshold 0 -g 250".split(' '))
            .args("-f dash -seg_duration 2 -use_timeline 1 -hls_playlist 1".split(' '))
            .args("-init_seg_name init-stream$RepresentationID$.m4s -media_seg_name chunk-stream$RepresentationID$-$Number%05d$.m4s".split(' '))
            .arg(folder.join("manifest.mpd")))
        .unwrap();
    }

    fn check(outcome: anyhow::Result<()>) {
        if let Err(error) = outcome {
            panic!("ffmpeg's own output must pass: {error:#}");
        }
    }

    #[test]
    fn what_ffmpeg_packages_itself_is_accepted() {
        let (_folder, download, presented) = packaged_by_ffmpeg();
        assert_eq!(download.streams.len(), 3, "two qualities and one sound");
        check(timeline::decode_times_are_contiguous(&download));
        check(timeline::rungs_cut_at_the_same_times(&download));
        check(segments::every_segment_starts_with_an_idr(&download));
        check(segments::segments_decode_alone(&download, Effort::Full));
        check(frames::pictures_are_the_sources(&download, &presented));
    }

    /// Without sound, because ffmpeg's edit list makes it drop sound that it packaged itself.
    #[test]
    fn frames_that_other_readers_miss_are_found() {
        let source = media_maker::video_only().make().unwrap();
        let folder = TempDir::new().unwrap();
        package(&source, folder.path());
        let mut download = Download::of_folder(folder.path()).unwrap();
        check(readers::prove(&download));
        download.streams[1].segments[3].fragment.samples.pop();
        let outcome = readers::prove(&download);
        assert!(outcome.is_err(), "one frame more or less must be found");
    }

    #[test]
    fn damage_of_every_kind_is_found() {
        let (_folder, mut download, mut presented) = packaged_by_ffmpeg();
        presented.pictures_s.remove(40);
        let frames = frames::pictures_are_the_sources(&download, &presented);
        assert!(frames.is_err(), "a picture too many must be found");

        download.streams[0].segments[2].fragment.decode_time += 1;
        let gap = timeline::decode_times_are_contiguous(&download);
        assert!(gap.is_err(), "a gap of one tick must be found");
        let cuts = timeline::rungs_cut_at_the_same_times(&download);
        assert!(
            cuts.is_err(),
            "a cut that differs by one tick must be found"
        );

        download.streams[0].representation.is_alternate = true;
        let apart = timeline::rungs_cut_at_the_same_times(&download);
        assert!(apart.is_err(), "a cut that no rung has must be found");
        download.streams[0].segments[2].fragment.decode_time -= 1;
        let apart = timeline::rungs_cut_at_the_same_times(&download);
        assert!(apart.is_err(), "nothing stands apart with the usual cuts");
        download.streams[0].segments.remove(1);
        check(timeline::rungs_cut_at_the_same_times(&download));
        let gap = timeline::decode_times_are_contiguous(&download);
        assert!(gap.is_err(), "standing apart excuses no gap");

        download.streams[0].representation.codecs = "avc1.640033".to_owned();
        let codecs = segments::codecs_are_what_the_bytes_say(&download);
        assert!(codecs.is_err(), "a wrong CODECS must be found");

        download.streams[1].representation.bandwidth = 1;
        let peaks = segments::peaks_stay_within_bandwidth(&download);
        assert!(peaks.is_err(), "a promise of too few bits must be found");

        download.streams[0].segments[0].fragment.samples.remove(0);
        let idr = segments::every_segment_starts_with_an_idr(&download);
        assert!(idr.is_err(), "a segment without its IDR must be found");
    }

    /// ffmpeg 5.1 leaves the 1024 priming samples of AAC in, so its sound is 21 ms late; later
    /// versions may not. Either way one of the two shifts is right and the other is found.
    #[test]
    fn sound_that_is_twenty_milliseconds_off_is_found() {
        let (_folder, mut download, _) = packaged_by_ffmpeg();
        let mut outcomes = Vec::new();
        for shift in [0, -1024] {
            let sound = download.streams.iter_mut().find(|s| !s.is_video());
            sound.unwrap().segments[0].fragment.decode_time += shift;
            let outcome = sync::flashes_come_with_beeps(&download, media_maker::FLASHES_S.len());
            outcomes.push(outcome.is_ok());
        }
        assert!(
            outcomes[0] != outcomes[1],
            "exactly one of two placements that differ by 21 ms is within 10 ms: {outcomes:?}"
        );
    }

    #[test]
    fn a_report_names_every_failure() {
        let mut report = Report::default();
        report.note("first", Err(anyhow::anyhow!("one")));
        report.note("second", Ok(()));
        report.note("third", Err(anyhow::anyhow!("three")));
        let text = report.conclude().unwrap_err().to_string();
        assert!(
            text.contains("first: one") && text.contains("third: three"),
            "both failures belong in the report: {text}"
        );
    }
}
