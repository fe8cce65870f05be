//! A window through the eyes of WebDriver (W3C), as far as the tests need it. What does not
//! belong here: starting drivers (`desktop`).

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

use crate::api::wait_until;
use crate::program::report_folder;

/// A session with one window.
#[derive(Debug)]
pub struct Window {
    session: Option<String>,
}

impl Window {
    /// No session yet.
    pub(crate) fn closed() -> Self {
        Self { session: None }
    }

    /// Starts `program` through the driver on `port`, once that answers.
    pub(crate) fn open(
        port: u16,
        program: &Path,
        arguments: &[String],
        deadline: Duration,
    ) -> Result<Self> {
        let base = format!("http://127.0.0.1:{port}/session");
        let options = json!({ "application": program, "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "tauri:options": options } } });
        let mut last = String::new();
        let opened = wait_until("open", deadline, || match ask("POST", &base, &wanted) {
            Ok(value) => Ok(value["sessionId"].as_str().map(str::to_owned)),
            Err(error) => {
                last = format!("{error:#}");
                Ok(None)
            }
        });
        let session = opened.with_context(|| format!("opening a session: {last}"))?;
        Ok(Self {
            session: Some(format!("{base}/{session}")),
        })
    }

    /// Where the window is.
    pub fn url(&self) -> Result<String> {
        let url = self.call("GET", "/url", &Value::Null)?;
        Ok(url.as_str().unwrap_or_default().to_owned())
    }

    /// What `script`, the body of a function, returns in the page.
    pub fn evaluate(&self, script: &str) -> Result<Value> {
        let body = json!({ "script": script, "args": [] });
        self.call("POST", "/execute/sync", &body)
    }

    /// What `script`, the body of a function, hands to its last argument, a function.
    pub fn evaluate_later(&self, script: &str) -> Result<Value> {
        let body = json!({ "script": script, "args": [] });
        self.call("POST", "/execute/async", &body)
    }

    /// All text that is to be read in the window.
    pub fn text(&self) -> Result<String> {
        let text = self.evaluate("return document.body ? document.body.innerText : ''")?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the window is at a page of `base`.
    pub fn wait_until_at(&self, base: &str, deadline: Duration) -> Result<()> {
        let mut last = String::new();
        let found = wait_until("there", deadline, || {
            last = self.url().unwrap_or_else(|error| format!("{error:#}"));
            Ok(last.starts_with(base).then_some(()))
        });
        found.with_context(|| format!("the window shows {last:?}, not a page of {base}"))
    }

    /// Waits until `words` are to be read.
    pub fn wait_for_words(&self, words: &str, deadline: Duration) -> Result<()> {
        let mut last = String::new();
        let found = wait_until("to be read", deadline, || {
            last = self.text().unwrap_or_else(|error| format!("{error:#}"));
            Ok(last.contains(words).then_some(()))
        });
        found.with_context(|| format!("{words:?} in the window, which says: {last}"))
    }

    /// A picture of the page among the reports.
    pub fn take_picture(&self, name: &str) -> Result<()> {
        let picture = self.call("GET", "/screenshot", &Value::Null)?;
        let bytes = STANDARD.decode(picture.as_str().unwrap_or_default())?;
        std::fs::write(report_folder()?.join(format!("{name}.png")), bytes)?;
        Ok(())
    }

    /// Ends the session, and with it the app.
    pub(crate) fn close(&mut self) {
        if let Some(session) = self.session.take() {
            // The app may have quit already.
            let _ = ask("DELETE", &session, &Value::Null);
        }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let session = self.session.as_ref().context("there is no window")?;
        ask(method, &format!("{session}{path}"), body)
    }
}

/// Sends one command and returns its value.
fn ask(method: &str, url: &str, body: &Value) -> Result<Value> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(60)))
        .http_status_as_error(false)
        .build()
        .new_agent();
    let answer = match method {
        "GET" => agent.get(url).call(),
        "DELETE" => agent.delete(url).call(),
        _ => agent
            .post(url)
            .header("content-type", "application/json")
            .send(body.to_string()),
    };
    let mut answer = answer.with_context(|| format!("{method} {url}"))?;
    let status = answer.status().as_u16();
    let text = answer
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_string()?;
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    if status >= 400 {
        bail!("{method} {url} was answered with {status}: {text}");
    }
    Ok(value.get("value").cloned().unwrap_or_default())
}
