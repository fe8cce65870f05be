//! The program `homereel-desktop`: command line, log, runtime and exit code. What it does as an
//! app is in [`app`]; what the server does is not here at all.

mod activity;
mod address;
mod api;
mod app;
mod host;
mod login;
mod pulse;
mod take_in;
mod tray;
mod window;

use clap::Parser;
use homereel::config::Flags;
use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

use crate::app::Start;

/// Everything that people should read appears at this level.
const DEFAULT_LOG: &str = "info";

/// Homereel with a window: serves your films, or shows the Homereel that already does.
#[derive(Debug, Parser)]
#[command(name = "homereel-desktop", version)]
struct CommandLine {
    /// Configuration file; homereel.example.toml is its manual.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for everything of Homereel's own.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address and port to listen on, such as 0.0.0.0:8096; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Folder to watch, with everything below it; may be given several times.
    #[arg(long, value_name = "DIR")]
    watch: Vec<PathBuf>,
    /// Start in the tray, without a window.
    #[arg(long)]
    hidden: bool,
    /// Ask the Homereel that runs to quit.
    #[arg(long)]
    quit: bool,
    /// Films to take in, and folders to watch.
    #[arg(value_name = "FILE OR FOLDER")]
    paths: Vec<PathBuf>,
}

fn main() -> ExitCode {
    // What we make is for its owner alone; a film somebody encodes may be private.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    start_log();
    match run(CommandLine::parse()) {
        Ok(code) => code,
        Err(error) => {
            // The last resort has nobody left to report to.
            let _ = writeln!(stderr(), "homereel-desktop: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start_log() {
    let filter = EnvFilter::try_from_env("HOMEREEL_LOG");
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG)))
        .with_ansi(stderr().is_terminal())
        .with_writer(stderr)
        .init();
}

fn run(command_line: CommandLine) -> Result<ExitCode, String> {
    let has = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !has("DISPLAY") && !has("WAYLAND_DISPLAY") {
        return Err("there is no screen here. `homereel serve` needs none.".to_owned());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("starting the runtime: {error}"))?;
    // One runtime for the server and the shell.
    tauri::async_runtime::set(runtime.handle().clone());
    let code = app::run(start(command_line)).map_err(|error| error.to_string())?;
    // A thread that waits for a dead network folder must not keep the process alive.
    runtime.shutdown_background();
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn start(command_line: CommandLine) -> Start {
    Start {
        flags: Flags {
            config: command_line.config,
            data_dir: command_line.data_dir,
            listen: command_line.listen,
            watch: command_line.watch,
        },
        hidden: command_line.hidden,
        quit: command_line.quit,
        paths: command_line.paths,
    }
}

/// What a further start of the program asks of the first one.
fn parse_again(arguments: &[String]) -> Option<Start> {
    CommandLine::try_parse_from(arguments).ok().map(start)
}
