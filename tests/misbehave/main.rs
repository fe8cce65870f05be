//! A worker that misbehaves, for the tests: it stands between the server and the real worker,
//! passes everything on, and at the wanted request does what a taken-over or broken worker might.
//!
//! `misbehaving-worker DEED REQUEST TIMES COUNTER WORKER [ARGUMENTS]`: before the `TIMES`-th start
//! that `COUNTER` counts it does `DEED` when asked to `REQUEST` (such as `inspect`); afterwards it
//! is the real `WORKER`. What does not belong here: the protocol's meaning; it reads names only.

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{Read, Write, stdin, stdout};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::Duration;
use tests::program::command;

/// What the server expects a message to be at most, and a bit.
const TOO_LONG: [u8; 4] = [0xff; 4];

struct Orders {
    deed: String,
    request: String,
    worker: String,
    arguments: Vec<String>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [deed, request, times, counter, worker, rest @ ..] = arguments.as_slice() else {
        bail!("usage: misbehaving-worker DEED REQUEST TIMES COUNTER WORKER [ARGUMENTS]");
    };
    let orders = Orders {
        deed: deed.clone(),
        request: request.clone(),
        worker: worker.clone(),
        arguments: rest.to_vec(),
    };
    let done: u32 = fs::read_to_string(counter).map_or(0, |text| text.len() as u32);
    // The self-test is about the real one.
    if done >= times.parse()? || !orders.arguments.is_empty() {
        let mut real = command(&orders.worker);
        real.args(&orders.arguments).stdin(Stdio::inherit());
        return Err(real.exec()).context("becoming the real worker");
    }
    stand_between(&orders, counter)
}

/// Passes messages on until the wanted request comes.
fn stand_between(orders: &Orders, counter: &str) -> Result<()> {
    let mut real = command(&orders.worker);
    real.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut real = real.spawn()?;
    let mut requests = real.stdin.take().context("no way to the real worker")?;
    let mut events = real.stdout.take().context("no way from the real worker")?;
    let greeting = read_frame(&mut events)?.context("no greeting")?;
    write_frame(&mut stdout(), &greeting)?;
    while let Some(body) = read_frame(&mut stdin())? {
        let message: Value = serde_json::from_slice(&body)?;
        if message["request"].get(&orders.request).is_none() {
            write_frame(&mut requests, &body)?;
            answer_of(&mut events)?;
            continue;
        }
        let mut tally = File::options().create(true).append(true).open(counter)?;
        tally.write_all(b"x")?;
        if orders.deed == "shorten" {
            write_frame(&mut requests, &body)?;
            return shorten(&mut events);
        }
        if orders.deed == "stutter" {
            write_frame(&mut requests, &body)?;
            stutter(&mut events)?;
            continue;
        }
        return misbehave(orders, &message["number"], &mut real);
    }
    Ok(())
}

/// Passes events on up to the one that ends a request.
fn answer_of(events: &mut impl Read) -> Result<()> {
    while let Some(body) = read_frame(events)? {
        write_frame(&mut stdout(), &body)?;
        let message: Value = serde_json::from_slice(&body)?;
        let goes_on = ["segment", "progress", "reading"];
        if !goes_on
            .iter()
            .any(|name| message["event"].get(name).is_some())
        {
            break;
        }
    }
    Ok(())
}

fn misbehave(orders: &Orders, number: &Value, real: &mut Child) -> Result<()> {
    match orders.deed.as_str() {
        "hang" => loop {
            std::thread::sleep(Duration::from_secs(3600));
        },
        "spin" => {
            // Nobody wants to wait for the real one, which is a quarter of an hour.
            setrlimit(
                Resource::Cpu,
                Rlimit {
                    current: Some(1),
                    maximum: Some(10),
                },
            )?;
            loop {
                std::hint::spin_loop();
            }
        }
        "leak" => leak(),
        "flood" => flood(),
        "babble" => {
            stdout().write_all(b"Once upon a time there was a worker that could not count.")
        }
        "boast" => stdout().write_all(&TOO_LONG),
        "lie" => say(number, r#"{"chunk_done":{"frames":1,"missing":0}}"#),
        "invent" => say(&Value::from(77), r#"{"progress":{"position":1}}"#),
        "break_off" => return break_off(number),
        "leave" => return Ok(real.kill()?),
        "die" => return die(Signal::KILL),
        "crash" => return die(Signal::SEGV),
        "trespass" => return die(Signal::SYS),
        deed => bail!("{deed} is not among the misdeeds"),
    }?;
    stdout().flush()?;
    // Whoever talks nonsense goes on living; the server must end it.
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// Sent twice, because the first one only takes away the handler that Rust has for some signals.
fn die(signal: Signal) -> Result<()> {
    kill_process(getpid(), signal)?;
    Ok(kill_process(getpid(), signal)?)
}

/// Takes memory until there is no more. It is never touched, so the machine does not feel it.
fn leak() -> std::io::Result<()> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        kept.push(Vec::with_capacity(64 * 1024 * 1024));
        std::hint::black_box(&kept);
    }
}

/// Writes a file without end into the folder that is open as descriptor 4.
fn flood() -> std::io::Result<()> {
    let mut file = File::create("/proc/self/fd/4/flood")?;
    let block = vec![0; 1024 * 1024];
    loop {
        file.write_all(&block)?;
    }
}

/// Cuts the first segment in half after the real worker has written it.
fn shorten(events: &mut impl Read) -> Result<()> {
    let mut is_first = true;
    while let Some(body) = read_frame(events)? {
        let message: Value = serde_json::from_slice(&body)?;
        if let Some(segment) = message["event"].get("segment").filter(|_| is_first) {
            is_first = false;
            let number = segment["number"].as_u64().context("a segment's number")?;
            let path = format!(
                "/proc/self/fd/4/chunk-stream{}-{number:05}.m4s",
                segment["stream"]
            );
            let file = File::options().write(true).open(path)?;
            file.set_len(file.metadata()?.len() / 2)?;
        }
        write_frame(&mut stdout(), &body)?;
    }
    Ok(())
}

/// Reports progress twice.
fn stutter(events: &mut impl Read) -> Result<()> {
    while let Some(body) = read_frame(events)? {
        let message: Value = serde_json::from_slice(&body)?;
        if message["event"].get("progress").is_some() {
            write_frame(&mut stdout(), &body)?;
        }
        write_frame(&mut stdout(), &body)?;
        if message["event"].get("chunk_done").is_some() {
            break;
        }
    }
    Ok(())
}

/// Ends in the middle of a message.
fn break_off(number: &Value) -> Result<()> {
    let half = format!(r#"{{"number":{number},"eve"#);
    stdout().write_all(&1000_u32.to_le_bytes())?;
    stdout().write_all(half.as_bytes())?;
    Ok(stdout().flush()?)
}

fn say(number: &Value, event: &str) -> std::io::Result<()> {
    let body = format!(r#"{{"number":{number},"event":{event}}}"#);
    write_frame(&mut stdout(), body.as_bytes())
}

/// A message's bytes; `None` at the end.
fn read_frame(reader: &mut impl Read) -> Result<Option<Vec<u8>>> {
    let mut header = [0; 4];
    if reader.read_exact(&mut header).is_err() {
        return Ok(None);
    }
    let mut body = vec![0; u32::from_le_bytes(header) as usize];
    reader.read_exact(&mut body)?;
    Ok(Some(body))
}

fn write_frame(writer: &mut impl Write, body: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(body.len()).map_err(std::io::Error::other)?;
    writer.write_all(&length.to_le_bytes())?;
    writer.write_all(body)?;
    writer.flush()
}
