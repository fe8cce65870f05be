//! nginx in the foreground, with a configuration of the caller's, in a folder of its own.

use anyhow::{Context, Result};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;
use tempfile::TempDir;

use crate::api::wait_until;
use crate::program::{command, find};

/// A running nginx. Dropping it stops it.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    /// Where it listens, without a slash at the end.
    pub url: String,
    folder: TempDir,
}

/// On Debian the programs of daemons are not on everybody's search path.
pub fn find_daemon(program: &str) -> Option<PathBuf> {
    let elsewhere = Path::new("/usr/sbin").join(program);
    find(program).or_else(|| elsewhere.is_file().then_some(elsewhere))
}

impl Nginx {
    /// Starts it with what `http` makes of its folder and its port for the block of that name.
    pub fn start(http: impl FnOnce(&Path, u16) -> Result<String>) -> Result<Self> {
        let folder = TempDir::with_prefix("homereel-nginx-")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let http = http(folder.path(), port)?;
        let configuration = folder.path().join("nginx.conf");
        fs::write(&configuration, configuration_text(folder.path(), &http))?;
        let mut nginx = command(find_daemon("nginx").context("nginx is missing")?);
        let child = nginx
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .arg("-c")
            .arg(&configuration)
            .spawn()
            .context("starting nginx")?;
        let nginx = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            folder,
        };
        wait_until("listening", Duration::from_secs(10), || {
            Ok(TcpStream::connect(("127.0.0.1", port)).ok())
        })?;
        Ok(nginx)
    }

    /// What it wrote into a file of its folder.
    pub fn written(&self, name: &str) -> Result<String> {
        let file = self.folder.path().join(name);
        fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master takes its workers with it only when it is asked to.
        let pid = i32::try_from(self.child.id()).ok();
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

fn configuration_text(folder: &Path, http: &str) -> String {
    let folder = folder.display();
    // Root's workers must be able to read folders that only root may enter.
    let user = if rustix::process::geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    format!(
        "daemon off;\n{user}\nworker_processes auto;\npid {folder}/nginx.pid;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n  client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/fastcgi;\n  uwsgi_temp_path {folder}/uwsgi;\n\
         scgi_temp_path {folder}/scgi;\n{http}\n}}\n"
    )
}
