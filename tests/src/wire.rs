//! A wire between a client and a server that can be cut: every connection through it ends at
//! once, in the middle of whatever it carries. What does not belong here: any protocol.

use anyhow::Result;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The wire. It lasts as long as the test program.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Where clients connect.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    open: Vec<TcpStream>,
    carried_bytes: u64,
}

impl Wire {
    /// A wire to `target`.
    pub fn to(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let wire = Self {
            address: listener.local_addr()?,
            state: Arc::new(Mutex::new(State {
                target,
                open: Vec::new(),
                carried_bytes: 0,
            })),
        };
        let accepting = wire.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is down refuses, and so do we.
                let _ = accepting.join(client);
            }
        });
        Ok(wire)
    }

    /// Where the server is from now on.
    pub fn lead_to(&self, target: SocketAddr) {
        self.state().target = target;
    }

    /// Ends every connection.
    pub fn cut(&self) {
        for stream in self.state().open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// How many bytes clients have sent so far.
    pub fn carried_bytes(&self) -> u64 {
        self.state().carried_bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, client: TcpStream) -> io::Result<()> {
        let target = self.state().target;
        let server = TcpStream::connect(target)?;
        let ends = [client.try_clone()?, server.try_clone()?];
        self.state().open.extend(ends);
        let there = (client.try_clone()?, server.try_clone()?);
        let (up, down) = (self.clone(), self.clone());
        std::thread::spawn(move || up.carry(there.0, there.1, true));
        std::thread::spawn(move || down.carry(server, client, false));
        Ok(())
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, counts: bool) {
        let mut block = vec![0; 256 * 1024];
        while let Ok(read) = from.read(&mut block) {
            if read == 0 || to.write_all(&block[..read]).is_err() {
                break;
            }
            if counts {
                self.state().carried_bytes += read as u64;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }
}
