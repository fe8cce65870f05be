//! What was measured on, and what the kernel says of a server: numbers without a machine are of no
//! use. What does not belong here: anything that takes time.

use anyhow::{Context, Result};
use std::fs;

use tests::program::{command, text_of};
use tests::server::Server;

/// Processor, cores, memory, kernel and the peer's version, in one paragraph.
pub(crate) fn describe() -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let ffmpeg = text_of(command("ffmpeg").arg("-version"))?;
    Ok(format!(
        "machine: {} × {}, {} of memory, Linux {}\npeer: {}\nbuild: {}",
        cores,
        field("/proc/cpuinfo", "model name")?,
        field("/proc/meminfo", "MemTotal")?,
        kernel.trim(),
        ffmpeg.lines().next().unwrap_or_default(),
        if cfg!(debug_assertions) {
            "debug (use --release for numbers that count)"
        } else {
            "release"
        }
    ))
}

/// MiB of memory that the server holds now, by the kernel's `VmRSS`.
pub(crate) fn resident_mib(server: &Server) -> Result<f64> {
    memory_mib(server.pid(), "VmRSS")
}

/// MiB of memory that a process holds now, of pages that several hold its part only (the kernel's
/// `Pss`): what all hold together is the sum.
pub(crate) fn share_mib(pid: u32) -> Result<f64> {
    mib(&field(&format!("/proc/{pid}/smaps_rollup"), "Pss:")?)
}

/// MiB of memory that the server ever held, by the kernel's `VmHWM`.
pub(crate) fn most_resident_mib(server: &Server) -> Result<f64> {
    memory_mib(server.pid(), "VmHWM")
}

/// MiB that the kernel names so of a process.
fn memory_mib(pid: u32, name: &str) -> Result<f64> {
    mib(&field(&format!("/proc/{pid}/status"), name)?)
}

fn mib(value: &str) -> Result<f64> {
    let kib = value.split_whitespace().next();
    Ok(kib.context("the kernel tells no memory")?.parse::<f64>()? / 1024.0)
}

/// The value of the first line `name : value` of a file in `/proc`.
fn field(file: &str, name: &str) -> Result<String> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    Ok(value
        .map_or("unknown", |(_, value)| value.trim())
        .to_owned())
}
