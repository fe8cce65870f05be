//! What every finished title of these tests must pass. What does not belong here: the proofs
//! themselves (`tests::verifier`).

use anyhow::{Context, Result, ensure};
use std::path::Path;

use tests::api::Video;
use tests::download::Download;
use tests::server::Server;
use tests::source::Presented;
use tests::verifier::{Effort, Report, prove, readers};

/// Downloads `video` and proves everything about it against its `source`.
pub(crate) fn prove_title(server: &Server, video: &Video, source: &Path) -> Result<Download> {
    let presented = Presented::of(source, None)?;
    let download = Download::of_title(&server.api, &video.id)?;
    let mut report = Report::default();
    report.note("bytes", prove(&download, Some(&presented), Effort::Full));
    report.note("other readers", readers::prove(&download));
    report
        .conclude()
        .with_context(|| format!("the title made from {}", source.display()))?;
    Ok(download)
}

/// Every rung says it is complete and the title has its poster.
pub(crate) fn is_complete(server: &Server, video: &Video) -> Result<()> {
    for rung in &video.rungs {
        ensure!(
            (rung.ready - 1.0).abs() < 1e-9,
            "{} is ready, but only {} of its rung {} is",
            video.file,
            rung.ready,
            rung.stream
        );
    }
    let poster = video.poster.as_ref();
    let poster = poster.with_context(|| format!("{} has no poster", video.file))?;
    let bytes = server.api.bytes(poster)?;
    ensure!(
        bytes.starts_with(&[0xff, 0xd8, 0xff]),
        "the poster of {} is no JPEG",
        video.file
    );
    Ok(())
}
