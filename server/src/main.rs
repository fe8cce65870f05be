//! The program `homereel`: command line, log, signals and exit codes. Nothing else of Homereel
//! handles signals, exits or prints.

use clap::{Args, Parser, Subcommand};
use homereel::commands::{backup, check, doctor, ingest, restore, user};
use homereel::config::{Config, Flags};
use homereel::server::Server;
use model::error::{Context, ErrorKind, Result};
use model::people::Role;
use std::io::{BufRead, IsTerminal, Read, Write, stderr, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Everything that people should read appears at this level.
const DEFAULT_LOG: &str = "info";
/// The exit code of a program that a signal ended, as shells have it for SIGINT.
const INTERRUPTED: i32 = 130;

/// No password is nearly as long.
const LONGEST_LINE_BYTES: u64 = 4096;

/// What the help says below the options.
const ENVIRONMENT: &str = "Environment: HOMEREEL_CONFIG, HOMEREEL_DATA_DIR, HOMEREEL_LISTEN, \
    HOMEREEL_WATCH, HOMEREEL_PUBLIC_URL, HOMEREEL_PRESET, HOMEREEL_WORKER_PATH as the configuration has them; \
    HOMEREEL_LOG for the log, such as \"info,jobs=debug\"; HOMEREEL_LOG_FORMAT=json for programs \
    that read it.";

/// Drop a video into a folder and watch it on every screen in the house.
#[derive(Debug, Parser)]
#[command(name = "homereel", version, arg_required_else_help = true, after_help = ENVIRONMENT)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(Serve),
    /// Take one file into the library and print as what.
    Ingest(IngestFile),
    /// Prove that the library is whole: every row, every object, every plan.
    Check(Check),
    /// Copy what Homereel knows into one file; films are not in it.
    Backup(Backup),
    /// Bring a backup back. No server may run.
    Restore(Backup),
    /// Say what is wrong with this installation, and what helps.
    Doctor(Doctor),
    /// Look after accounts, also when nobody can sign in any more.
    User(User),
}

#[derive(Debug, Args)]
struct Common {
    /// Configuration file; homereel.example.toml is its manual.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Folder for everything of Homereel's own.
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    common: Common,
    /// Address and port to listen on, such as 0.0.0.0:8096; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Folder to watch, with everything below it; may be given several times.
    #[arg(long, value_name = "DIR")]
    watch: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct IngestFile {
    #[command(flatten)]
    common: Common,
    /// The film.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
struct Check {
    #[command(flatten)]
    common: Common,
    /// Read every object and compare its hash, not only its length.
    #[arg(long)]
    deep: bool,
}

#[derive(Debug, Args)]
struct Backup {
    #[command(flatten)]
    common: Common,
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
struct Doctor {
    #[command(flatten)]
    common: Common,
    /// Only whether the server answers.
    #[arg(long)]
    quick: bool,
}

#[derive(Debug, Args)]
struct User {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: UserAction,
}

#[derive(Debug, Subcommand)]
enum UserAction {
    /// Make an account; the password is the first line of the standard input. An admin's sets the
    /// house up if nobody did.
    Add {
        /// What they sign in with.
        name: String,
        /// Their part in the house: viewer, uploader or admin.
        #[arg(long, value_parser = role)]
        role: Role,
        /// The other thing they can sign in with.
        #[arg(long)]
        email: Option<String>,
    },
    /// Give somebody another password, which is the first line of the standard input. That signs
    /// them out everywhere.
    ResetPassword {
        /// What they sign in with.
        name: String,
    },
    /// Print everybody, one a line.
    List,
}

fn role(word: &str) -> std::result::Result<Role, String> {
    Role::parse(word).ok_or_else(|| "say viewer, uploader or admin".into())
}

fn main() -> ExitCode {
    // What we make is for its owner alone; a film somebody encodes may be private.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    start_log();
    match run(CommandLine::parse().command) {
        Ok(code) => code,
        Err(error) => {
            // The last resort has nobody left to report to.
            let _ = writeln!(stderr(), "homereel: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start_log() {
    let filter = EnvFilter::try_from_env("HOMEREEL_LOG");
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG)))
        // A terminal whose window is closed takes no more words, and no complaint about that either.
        .log_internal_errors(false)
        .with_writer(stderr);
    if log_is_for_programs() {
        log.json().flatten_event(true).init();
    } else {
        log.with_ansi(stderr().is_terminal()).init();
    }
}

fn log_is_for_programs() -> bool {
    std::env::var_os("HOMEREEL_LOG_FORMAT").is_some_and(|format| format == "json")
}

fn run(command: Command) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context(ErrorKind::Unavailable, "starting the runtime")?;
    let code = match command {
        Command::Serve(arguments) => runtime.block_on(serve(arguments)),
        Command::Ingest(arguments) => runtime.block_on(take(arguments)),
        Command::Check(arguments) => runtime.block_on(prove(arguments)),
        Command::Backup(arguments) => runtime.block_on(save(arguments)),
        Command::Doctor(arguments) => runtime.block_on(examine(arguments)),
        Command::Restore(arguments) => runtime.block_on(bring_back(arguments)),
        Command::User(arguments) => runtime.block_on(look_after(arguments)),
    };
    // A thread that waits for a dead network folder must not keep the process alive.
    runtime.shutdown_background();
    code
}

async fn serve(arguments: Serve) -> Result<ExitCode> {
    let flags = Flags {
        listen: arguments.listen,
        watch: arguments.watch,
        ..flags(arguments.common)
    };
    let config = load(&flags)?;
    // Before anything starts, so that a signal at any moment ends in good order.
    let mut signals = Signals::catch()?;
    let folders = config.watch.clone();
    let running = tokio::select! {
        running = Server::start(config) => running?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    tracing::info!(url = running.url(), address = %running.addr(), "Homereel is running.");
    tell_the_house(&running.urls());
    if let Some(url) = running.setup_url() {
        tracing::info!(%url, "This house has no owner yet. Open this to become it.");
    }
    for folder in folders {
        tracing::info!(folder = %folder.display(), "Films that are put here are taken in.");
    }
    signals.next().await;
    tracing::info!("Homereel stops; work that is under way goes on at the next start.");
    tokio::select! {
        () = running.shutdown() => {}
        () = signals.next() => std::process::exit(INTERRUPTED),
    }
    tracing::info!("Homereel has stopped.");
    Ok(ExitCode::SUCCESS)
}

/// Where other screens find the server, and, for whoever sits at a terminal, the best of it to scan.
fn tell_the_house(urls: &[String]) {
    for url in urls {
        tracing::info!(%url, "Other screens of the house open this.");
    }
    let picture = urls.first().and_then(|url| web::qr::text(url));
    if let Some(picture) = picture.filter(|_| stderr().is_terminal() && !log_is_for_programs()) {
        // A terminal that is gone scans nothing.
        let _ = writeln!(stderr(), "{picture}");
    }
}

async fn take(arguments: IngestFile) -> Result<ExitCode> {
    let config = load(&flags(arguments.common))?;
    ingest::run(&config, &arguments.file, &mut stdout()).await?;
    Ok(ExitCode::SUCCESS)
}

async fn prove(arguments: Check) -> Result<ExitCode> {
    let config = load(&flags(arguments.common))?;
    let whole = check::run(&config.data_dir, arguments.deep, &mut stdout()).await?;
    Ok(if whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn save(arguments: Backup) -> Result<ExitCode> {
    let config = load(&flags(arguments.common))?;
    backup::run(&config.data_dir, &arguments.file, &mut stdout()).await?;
    Ok(ExitCode::SUCCESS)
}

async fn examine(arguments: Doctor) -> Result<ExitCode> {
    let config = load(&flags(arguments.common))?;
    let well = if arguments.quick {
        doctor::quick(&config, &mut stdout())?
    } else {
        doctor::run(&config, &mut stdout()).await?
    };
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn bring_back(arguments: Backup) -> Result<ExitCode> {
    let config = load(&flags(arguments.common))?;
    restore::run(&config.data_dir, &arguments.file, &mut stdout()).await?;
    Ok(ExitCode::SUCCESS)
}

async fn look_after(arguments: User) -> Result<ExitCode> {
    let data_dir = load(&flags(arguments.common))?.data_dir;
    let mut out = stdout();
    match arguments.action {
        UserAction::Add { name, role, email } => {
            let wish = user::Wish {
                name,
                email,
                role,
                password: password()?,
            };
            user::add(&data_dir, wish, &mut out).await?;
        }
        UserAction::ResetPassword { name } => {
            user::reset_password(&data_dir, &name, password()?, &mut out).await?;
        }
        UserAction::List => user::list(&data_dir, &mut out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The first line of the standard input; a person at a terminal is asked for it.
fn password() -> Result<String> {
    if stdin().is_terminal() {
        write!(stderr(), "Password (it will be visible): ")
            .context(ErrorKind::Unavailable, "asking for the password")?;
    }
    let mut line = String::new();
    stdin()
        .lock()
        .take(LONGEST_LINE_BYTES)
        .read_line(&mut line)
        .context(ErrorKind::InvalidInput, "reading the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn flags(common: Common) -> Flags {
    Flags {
        config: common.config,
        data_dir: common.data_dir,
        ..Flags::default()
    }
}

fn load(flags: &Flags) -> Result<Config> {
    Config::load(flags, &|name| std::env::var_os(name))
}

/// The signals that mean "stop".
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn catch() -> Result<Self> {
        let catch = |kind| signal(kind).context(ErrorKind::Unavailable, "catching signals");
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            hang_up: catch(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
