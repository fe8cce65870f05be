//! The desktop app on a screen and a message bus of its own, with what a person and a desktop do
//! there: look into its window (`webdriver`), close it and drop files on it (`hand`), show its
//! notifications and its tray (`bus`). What does not belong here: test cases.

use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;

use crate::api::{Api, wait_until};
use crate::program::{build_folder, command, find, last_words, report_folder, say_aloud, tool};
use crate::server::Home;

pub mod bus;
pub mod hand;
pub mod webdriver;

use bus::Bus;
use hand::Hand;
use webdriver::Window;

/// WebKit starts three processes; a loaded machine takes its time.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// What the server needs to stop, and a moment for the window.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// A screen that nobody sees and a message bus, for one test. Both end with it.
#[derive(Debug)]
pub struct Desktop {
    home: PathBuf,
    /// Where sockets lie, whose paths are short and plain.
    run: TempDir,
    screen: Child,
    display: String,
    daemon: Child,
    bus_address: String,
    /// Its tray, and who shows its notifications.
    pub bus: Bus,
    /// Whoever sits at it.
    pub hand: Hand,
}

/// A desktop app that was started as people start it.
#[derive(Debug)]
pub struct App {
    child: Child,
    log: PathBuf,
}

/// A desktop app in whose window a test can look, with the programs that make that possible.
#[derive(Debug)]
pub struct DrivenApp {
    driver: Child,
    /// What is in the window.
    pub window: Window,
}

/// Where the app's program lies.
pub fn desktop_program() -> Result<PathBuf> {
    let program = build_folder()?.join("homereel-desktop");
    ensure!(
        program.is_file(),
        "{} is missing: build it with `cargo build -p desktop`",
        program.display()
    );
    Ok(program)
}

impl Desktop {
    /// A fresh desktop for somebody whose home is in `home`.
    pub fn new(home: &Home) -> Result<Self> {
        let folder = home.folder().join("person");
        fs::create_dir_all(&folder)?;
        let run = TempDir::with_prefix("homereel-run-")?;
        let mut screen = needed("Xvfb")?;
        screen.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1280x900x24",
            "-nolisten",
            "tcp",
        ]);
        let (screen, number) = first_line(screen, "Xvfb")?;
        let mut daemon = needed("dbus-daemon")?;
        // In a folder: abstract names end at the borders of networks.
        let address = format!("--address=unix:path={}", run.path().join("bus").display());
        daemon.args(["--session", "--nofork", "--print-address=1", &address]);
        let (daemon, bus_address) = first_line(daemon, "dbus-daemon")?;
        let display = format!(":{number}");
        Ok(Self {
            home: folder,
            run,
            screen,
            daemon,
            bus: Bus::join(&bus_address)?,
            bus_address,
            hand: Hand::at(&display)?,
            display,
        })
    }

    /// Where the person's own settings are.
    pub fn config_folder(&self) -> PathBuf {
        self.home.join("config")
    }

    /// A program of this desktop, not started yet.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut program = command(program);
        self.set_the_scene(&mut program);
        program
    }

    /// The app for the folders of `home`, not started yet.
    pub fn app_command(&self, home: &Home) -> Result<Command> {
        let mut app = self.command(desktop_program()?);
        app.args(arguments(home));
        Ok(app)
    }

    /// Starts the app as people start it.
    pub fn start(&self, home: &Home) -> Result<App> {
        self.start_by(home, self.app_command(home)?)
    }

    /// Starts the app by a command of the caller's.
    pub fn start_by(&self, home: &Home, mut app: Command) -> Result<App> {
        let log = home.folder().join("desktop.log");
        let output = File::options().create(true).append(true).open(&log)?;
        app.stdout(output.try_clone()?).stderr(output);
        let child = app.spawn().context("starting the desktop app")?;
        Ok(App { child, log })
    }

    /// Starts the app once more, with `arguments`, beside the one that runs; it hands them over
    /// and ends.
    pub fn start_again(&self, home: &Home, arguments: &[&Path]) -> Result<()> {
        let mut again = self.app_command(home)?;
        let mut again = again.args(arguments).spawn()?;
        let status = wait_until("handed over", STOP_DEADLINE, || Ok(again.try_wait()?));
        if status.is_err() {
            let _ = again.kill();
            let _ = again.wait();
        }
        ensure!(status?.success(), "the second start must end well");
        Ok(())
    }

    /// Starts the app so that a test can look into its window.
    pub fn drive(&self, home: &Home) -> Result<DrivenApp> {
        let log = File::create(report_folder()?.join("desktop-driver.log"))?;
        let (port, native_port) = (free_port()?, free_port()?);
        let mut driver = needed("bin/tauri-driver")?;
        self.set_the_scene(&mut driver);
        driver.args(["--port", &port.to_string()]);
        driver.args(["--native-port", &native_port.to_string()]);
        driver.stdout(log.try_clone()?).stderr(log);
        let driver = driver.spawn().context("starting tauri-driver")?;
        let app = (desktop_program()?, arguments(home));
        let window = Window::open(port, &app.0, &app.1, START_DEADLINE);
        let mut driven = DrivenApp {
            driver,
            window: Window::closed(),
        };
        driven.window = window?;
        Ok(driven)
    }

    /// A picture of the whole screen among the reports.
    pub fn take_picture(&self, name: &str) -> Result<()> {
        let Some(import) = find("import") else {
            return Ok(());
        };
        let mut import = command(import);
        self.set_the_scene(&mut import);
        import.args(["-window", "root"]);
        import.arg(report_folder()?.join(format!("{name}.png")));
        ensure!(import.status()?.success(), "no picture of the screen");
        Ok(())
    }

    fn set_the_scene(&self, program: &mut Command) {
        for name in ["WAYLAND_DISPLAY", "HOMEREEL_CONFIG", "HOMEREEL_DATA_DIR"] {
            program.env_remove(name);
        }
        program
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus_address)
            .env("HOME", &self.home)
            .env("XDG_RUNTIME_DIR", self.run.path())
            .env("XDG_DATA_HOME", self.home.join("share"))
            .env("XDG_CONFIG_HOME", self.home.join("config"))
            .env("XDG_CACHE_HOME", self.home.join("cache"))
            .env("GDK_BACKEND", "x11")
            .env("NO_AT_BRIDGE", "1")
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("NO_COLOR", "1");
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in [&mut self.screen, &mut self.daemon] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl App {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// It is still running.
    pub fn is_up(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it shows a server, its own or another's, and returns a client of that.
    pub fn wait_until_serving(&mut self, home: &Home) -> Result<Api> {
        let file = home.data().join("endpoint.json");
        let url = wait_until("serving", START_DEADLINE, || {
            ensure!(
                self.child.try_wait()?.is_none(),
                "the app ended: {}",
                last_words(self.log().as_bytes())
            );
            Ok(url_in(&file))
        })?;
        Ok(Api::new(&url))
    }

    /// Waits until it has ended.
    pub fn wait_for_exit(&mut self) -> Result<ExitStatus> {
        wait_until("ended", STOP_DEADLINE, || Ok(self.child.try_wait()?))
    }
}

impl Drop for App {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            say_aloud(&format!(
                "the desktop app's last words:\n{}",
                last_words(self.log().as_bytes())
            ));
        }
    }
}

impl Drop for DrivenApp {
    fn drop(&mut self) {
        self.window.close();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The URL in an endpoint file.
pub fn url_in(endpoint_file: &Path) -> Option<String> {
    let text = fs::read(endpoint_file).ok()?;
    let endpoint: serde_json::Value = serde_json::from_slice(&text).ok()?;
    endpoint.get("url")?.as_str().map(str::to_owned)
}

fn arguments(home: &Home) -> Vec<String> {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    [
        ("--data-dir", text(home.data())),
        ("--watch", text(home.drop_folder())),
        ("--listen", "127.0.0.1:0".to_owned()),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    .collect()
}

fn needed(program: &str) -> Result<Command> {
    let path = tool(program);
    let path = path.with_context(|| format!("{program} is missing: run `packaging/setup test`"))?;
    Ok(command(path))
}

/// Starts a program that says in its first line how it is reached, and goes on.
fn first_line(mut program: Command, name: &str) -> Result<(Child, String)> {
    let program = program.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = program
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    let output = child.stdout.take().context("no output")?;
    let mut line = String::new();
    let read = BufReader::new(output).read_line(&mut line);
    if read.is_err() || line.trim().is_empty() {
        let _ = child.kill();
        let _ = child.wait();
    }
    read?;
    ensure!(!line.trim().is_empty(), "{name} did not start");
    Ok((child, line.trim().to_owned()))
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
