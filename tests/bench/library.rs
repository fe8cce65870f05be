//! A large library: how soon a server listens, how much memory it holds idle, and how long a page
//! and a search take over HTTP. The titles are rows without files; the rows are written past the
//! server, while it is stopped. What does not belong here: how titles come into being.

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::machine::resident_mib;
use tests::api::Api;
use tests::server::{Home, Server};

/// The start is measured with this many titles, pages and searches with ten times as many.
const AT_START: u32 = 10_000;
const LARGE: u32 = 100_000;
/// Requests of a kind; the 99th percentile needs a few above it.
const REQUESTS: usize = 500;
/// How long a server is left alone before its memory is looked at.
const IDLE: Duration = Duration::from_secs(5);

const PAGE: &str = "/api/v1/videos?per_page=60";

/// The start, the memory and the answers, each beside its budget, and how long the server
/// computed for an answer.
pub(crate) fn measure(rounds: usize) -> Result<String> {
    let mut table = format!(
        "a large library, start and memory with {AT_START} titles, the rest with {LARGE}\n\
         {:<28} {:>12} {:>12} {:>12} {:>12}",
        "", "median", "p99", "budget", "processor"
    );
    let home = filled(AT_START)?;
    let starts = (0..rounds.max(5)).map(|_| start(&home));
    let starts: Vec<(f64, f64)> = starts.collect::<Result<_>>()?;
    let listening = starts.iter().map(|(listening_ms, _)| *listening_ms);
    let resident = starts.iter().map(|(_, resident_mib)| *resident_mib);
    table += &row("from start to listening", listening.collect(), "ms");
    table += &format!(" {:>8.0} ms ", 200.0);
    table += &row("resident, idle", resident.collect(), "MiB");
    table += &format!(" {:>8.0} MiB", 40.0);

    let home = filled(LARGE)?;
    let server = home.serve()?;
    for (what, budget_ms, address) in kinds() {
        let before_ms = processor_ms(&server)?;
        let times = asked(&server.api, address)?;
        let each_ms = (processor_ms(&server)? - before_ms) / REQUESTS as f64;
        table += &row(what, times, "ms");
        table += &format!(" {budget_ms:>8.0} ms  {each_ms:>8.1} ms ");
    }
    table += &row("resident afterwards", vec![resident_mib(&server)?], "MiB");
    server.stop()?;
    Ok(table)
}

/// What is asked for, its budget in milliseconds, and the address of each request.
type Kind = (&'static str, f64, fn(usize) -> String);

fn kinds() -> [Kind; 7] {
    [
        ("first page", 20.0, |_| PAGE.to_owned()),
        ("any page by number", 20.0, |number| {
            format!("{PAGE}&page={}", number * 7919 % 1_500 + 1)
        }),
        ("any page by cursor", 20.0, |number| {
            format!("{PAGE}&cursor={:x}", number * 7919 % LARGE as usize + 61)
        }),
        ("the library as a page", 20.0, |_| "/".to_owned()),
        ("search for two words", 50.0, |number| {
            let words = ["wolfe", "garden", "munchen", "sao", "return", "street"];
            let word = |number: usize| words.get(number % words.len()).unwrap_or(&"river");
            format!("{PAGE}&q={}+{}", word(number), word(number / 6))
        }),
        ("search for a number", 50.0, |number| {
            format!("{PAGE}&q={}", number * 7919 % LARGE as usize)
        }),
        ("search for one letter", 50.0, |number| {
            let letters = ["s", "w", "b", "a", "k", "1"];
            let letter = letters.get(number % letters.len()).unwrap_or(&"s");
            format!("{PAGE}&q={letter}")
        }),
    ]
}

/// A home whose catalog has so many titles. The server makes the schema.
fn filled(titles: u32) -> Result<Home> {
    let home = Home::new()?;
    home.serve()?.stop()?;
    let mut connection = Connection::open(home.data().join("homereel.db"))?;
    let transaction = connection.transaction()?;
    let sql = include_str!("library.sql").replace(":titles", &titles.to_string());
    transaction
        .execute_batch(&sql)
        .context("filling the catalog")?;
    transaction.commit()?;
    Ok(home)
}

/// Milliseconds from starting the program until it said that it listens, by the times of two
/// files, and MiB of memory once it was idle for a while.
fn start(home: &Home) -> Result<(f64, f64)> {
    let marker = home.folder().join("began");
    fs::write(&marker, "")?;
    let server = home.serve()?;
    let written = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified());
    let listening = written(&home.data().join("endpoint.json"))?;
    let took = listening.duration_since(written(&marker)?)?;
    std::thread::sleep(IDLE);
    let resident_mib = resident_mib(&server)?;
    server.stop()?;
    Ok((took.as_secs_f64() * 1e3, resident_mib))
}

/// Milliseconds of each of many requests, one after the other.
fn asked(api: &Api, address: fn(usize) -> String) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(REQUESTS);
    for number in 0..REQUESTS {
        let path = address(number);
        let began = Instant::now();
        let answer = api.get(&path)?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        ensure!(
            answer.status == 200,
            "{path} was answered {}",
            answer.status
        );
    }
    Ok(times)
}

/// How long the server has computed so far. What other programs do meanwhile does not count.
fn processor_ms(server: &Server) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.pid()))?;
    // The name of the program may contain blanks; what follows its bracket does not.
    let (_, rest) = stat.rsplit_once(')').context("no name in the status")?;
    let ticks = rest.split_whitespace().skip(11).take(2);
    let ticks: Vec<u32> = ticks.map(str::parse).collect::<Result<_, _>>()?;
    // Linux counts in hundredths of a second here, whatever its timer does.
    Ok(ticks.into_iter().map(f64::from).sum::<f64>() * 10.0)
}

fn row(what: &str, mut values: Vec<f64>, unit: &str) -> String {
    values.sort_by(f64::total_cmp);
    let at = |share: usize| {
        let index = (values.len() * share / 100).min(values.len().saturating_sub(1));
        values.get(index).copied().unwrap_or(f64::NAN)
    };
    format!(
        "\n{what:<28} {:>8.1} {unit:<3} {:>8.1} {unit:<3}",
        at(50),
        at(99)
    )
}
