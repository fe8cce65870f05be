//! What an owner can ask of a job over HTTP. What does not belong here: failures of the job's own
//! (`withstand`, `crash`).

use anyhow::{Context, Result, ensure};
use std::time::Duration;

use crate::proof::prove_title;
use tests::api::{Job, wait_until};
use tests::server::{Home, Server};
use tests::{media_maker, stage, store};

const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn a_job_pauses_resumes_is_cancelled_and_retried() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let clip = media_maker::sized(1280, 720, 60).make()?;
    let name = home.drop_file(&clip)?;
    let video = server
        .api
        .wait_for_video(&name, "being encoded", PATIENCE, |video| video.plays())?;
    let job = video.job.context("a title has its job")?;

    ask(&server, &job, "pause", 200)?;
    expect_idle(&server, &job, "paused")?;
    let stored = store::count(&home.data());
    ask(&server, &job, "resume", 200)?;
    wait_until("encoding again", PATIENCE, || {
        Ok((store::count(&home.data()) > stored).then_some(()))
    })?;

    ask(&server, &job, "cancel", 200)?;
    expect_idle(&server, &job, "cancelled")?;
    let cancelled = server.api.video(&video.id)?;
    ensure!(
        cancelled.state == "failed" && cancelled.words().to_lowercase().contains("cancel"),
        "the owner must read that it was cancelled, not {:?} ({})",
        cancelled.words(),
        cancelled.state
    );
    ask(&server, &job, "pause", 409)?;

    ask(&server, &job, "retry", 200)?;
    let ready = wait_until("ready after a retry", PATIENCE, || {
        Ok(Some(server.api.video(&video.id)?).filter(|video| video.state == "ready"))
    })?;
    prove_title(&server, &ready, &clip)?;
    server.stop()?;
    home.check()?;
    Ok(())
}

#[test]
fn a_boosted_job_overtakes_those_before_it() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let first = home.drop_file(&media_maker::sized(1280, 720, 60).make()?)?;
    server
        .api
        .wait_for_video(&first, "being encoded", PATIENCE, |video| video.plays())?;
    let second = home.drop_file(&media_maker::sized(854, 480, 100).make()?)?;
    let third = home.drop_file(&media_maker::tiny(44).make()?)?;
    let wanted = wait_until("known to the server", PATIENCE, || {
        let all_known = !server.api.videos_of(&second)?.is_empty();
        let third = server.api.videos_of(&third)?.into_iter().next();
        Ok(third.filter(|_| all_known))
    })?;
    let job = wanted.job.context("a title has its job")?;
    ask(&server, &job, "boost", 200)?;
    server.api.wait_until_ready(&third, PATIENCE)?;
    let others = server.api.videos()?;
    ensure!(
        others
            .iter()
            .any(|video| video.file == second && video.state != "ready"),
        "the boosted film must not wait for the one before it"
    );
    server.stop()?;
    home.check()?;
    Ok(())
}

fn ask(server: &Server, job: &str, intent: &str, status: u16) -> Result<()> {
    let answer = server.api.post(&format!("/api/v1/jobs/{job}/{intent}"))?;
    ensure!(
        answer.status == status,
        "{intent} was answered with {}, expected {status}",
        answer.summary()
    );
    Ok(())
}

/// The job is in that state and, soon after, nobody works for it any more.
fn expect_idle(server: &Server, job: &str, state: &str) -> Result<()> {
    let jobs = server.api.jobs()?;
    let found: Option<&Job> = jobs.iter().find(|candidate| candidate.id == job);
    let found = found.context("the job is no longer listed")?;
    ensure!(
        found.state == state,
        "the job is {}, not {state}",
        found.state
    );
    wait_until("free of workers", Duration::from_secs(10), || {
        Ok(server.workers()?.is_empty().then_some(()))
    })
    .with_context(|| format!("although the job is {state}"))
}
