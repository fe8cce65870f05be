//! A line between Homereel and another server that can be disturbed at any moment: refused, silent,
//! cut in the middle, or answered by somebody else. What does not belong here: what is sent over it.

use anyhow::{Context, Result};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How soon a change of the weather is felt by open connections.
const GLANCE: Duration = Duration::from_millis(50);

/// What the line does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Fair,
    /// Connections are closed at once.
    Refusing,
    /// Connections are taken, and nothing ever comes back.
    Silent,
    /// So many bytes pass in each direction, then the connection breaks.
    CutAfter(u64),
    /// Every request gets this answer, a whole HTTP response, from the line itself.
    Answering(String),
}

/// The line.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: Mutex<SocketAddr>,
    weather: Mutex<Weather>,
    /// Counts changes; a connection lives in one weather only.
    era: AtomicU64,
    over: AtomicBool,
    connections: AtomicU64,
}

impl Proxy {
    /// A line to `target`, in fair weather.
    pub fn to(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("opening the line")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            weather: Mutex::new(Weather::Fair),
            era: AtomicU64::new(0),
            over: AtomicBool::new(false),
            connections: AtomicU64::new(0),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                if serving.over.load(Ordering::Relaxed) {
                    return;
                }
                serving.connections.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&serving);
                thread::spawn(move || shared.connect(socket));
            }
        });
        Ok(Self { address, shared })
    }

    /// Where to connect to.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Leads to another server from now on.
    pub fn lead_to(&self, target: SocketAddr) {
        *lock(&self.shared.target) = target;
        self.shared.era.fetch_add(1, Ordering::Relaxed);
    }

    /// Changes what the line does; open connections break.
    pub fn set(&self, weather: Weather) {
        *lock(&self.shared.weather) = weather;
        self.shared.era.fetch_add(1, Ordering::Relaxed);
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.shared.era.fetch_add(1, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn connect(self: Arc<Self>, client: TcpStream) {
        let era = self.era.load(Ordering::Relaxed);
        let weather = lock(&self.weather).clone();
        let outcome = match weather {
            Weather::Refusing => Ok(()),
            Weather::Silent => {
                self.wait_for_another(era);
                Ok(())
            }
            Weather::Answering(answer) => say(&client, &answer),
            Weather::Fair => self.pass(&client, era, u64::MAX),
            Weather::CutAfter(bytes) => self.pass(&client, era, bytes),
        };
        // A broken line is what this is for.
        drop(outcome);
        let _ = client.shutdown(Shutdown::Both);
    }

    fn is_current(&self, era: u64) -> bool {
        self.era.load(Ordering::Relaxed) == era
    }

    fn wait_for_another(&self, era: u64) {
        while self.is_current(era) {
            thread::sleep(GLANCE);
        }
    }

    fn pass(self: &Arc<Self>, client: &TcpStream, era: u64, bytes: u64) -> std::io::Result<()> {
        let target = *lock(&self.target);
        let server = TcpStream::connect(target)?;
        let (shared, from, to) = (Arc::clone(self), server.try_clone()?, client.try_clone()?);
        let back = thread::spawn(move || shared.carry(&from, &to, era, bytes));
        let there = self.carry(client, &server, era, bytes);
        let _ = server.shutdown(Shutdown::Both);
        let _ = back.join();
        there
    }

    fn carry(
        &self,
        mut from: &TcpStream,
        mut to: &TcpStream,
        era: u64,
        mut left: u64,
    ) -> std::io::Result<()> {
        from.set_read_timeout(Some(GLANCE))?;
        let mut block = vec![0; 64 * 1024];
        while self.is_current(era) && left > 0 {
            let length = match from.read(&mut block) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            let passed = length.min(usize::try_from(left).unwrap_or(usize::MAX));
            to.write_all(&block[..passed])?;
            left -= passed as u64;
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
        Ok(())
    }
}

/// Reads what fits into a head and answers.
fn say(mut client: &TcpStream, answer: &str) -> std::io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut head = vec![0; 64 * 1024];
    let _ = client.read(&mut head)?;
    client.write_all(answer.as_bytes())?;
    // What is still being sent must be read, or the answer is lost with the connection.
    client.shutdown(Shutdown::Write)?;
    while client.read(&mut head).is_ok_and(|length| length > 0) {}
    Ok(())
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An S3 refusal as a whole HTTP response.
pub fn refusal(status: &str, code: &str) -> String {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}
