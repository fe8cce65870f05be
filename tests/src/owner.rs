//! Whoever owns the house under test: claims it with the word from the data folder, and makes
//! tokens for programs. What does not belong here: what is done with them.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

use crate::server::{Home, Server};

/// The owner's name.
pub const NAME: &str = "ada";
const PASSWORD: &str = "a quiet afternoon by the sea";

/// An owner who is signed in.
#[derive(Debug)]
pub struct Owner {
    agent: ureq::Agent,
    url: String,
    cookie: String,
}

impl Owner {
    /// Makes a fresh house somebody's.
    pub fn claim(home: &Home, server: &Server) -> Result<Self> {
        Self::claim_at(&home.data(), &server.url)
    }

    /// Makes a fresh house somebody's that is served at `url` and has its data in `data`.
    pub fn claim_at(data: &Path, url: &str) -> Result<Self> {
        let token = fs::read_to_string(data.join("setup-token"))
            .context("reading the word that makes somebody the owner")?;
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = ureq::Agent::new_with_config(config.build());
        let claim = json!({
            "token": token.trim(),
            "name": NAME,
            "password": PASSWORD,
            "audience": "anyone",
        });
        let mut response = agent
            .post(format!("{url}/api/v1/setup"))
            .header("x-homereel", "1")
            .content_type("application/json")
            .send(claim.to_string())?;
        let status = response.status().as_u16();
        let cookie = response.headers().get("set-cookie").cloned();
        let said = response.body_mut().read_to_string()?;
        ensure!(
            status == 201,
            "claiming the house ended with {status}: {said}"
        );
        let cookie = cookie.context("the owner got no cookie")?;
        let cookie = cookie.to_str()?.split(';').next().unwrap_or_default();
        Ok(Self {
            agent,
            url: url.to_owned(),
            cookie: cookie.to_owned(),
        })
    }

    /// A secret for programs: `full`, `upload`, `read` or `webdav`.
    pub fn token(&self, scope: &str) -> Result<String> {
        let wish = json!({ "label": "tests", "scope": scope });
        let answer = self.post("/api/v1/account/tokens", &wish)?;
        let secret = answer["secret"].as_str();
        Ok(secret.context("a token without a secret")?.to_owned())
    }

    /// Sends JSON, which must be taken.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.url));
        self.send(request, path, body)
    }

    /// Changes something, which must be taken.
    pub fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.patch(format!("{}{path}", self.url));
        self.send(request, path, body)
    }

    /// What is at `path`, as its owner sees it.
    pub fn get(&self, path: &str) -> Result<Value> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let response = request.header("cookie", &self.cookie).call()?;
        json_of(response, path)
    }

    /// How the owner's browser is answered, which follows nothing.
    pub fn status(&self, path: &str) -> Result<u16> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let request = request.config().max_redirects(0).build();
        let response = request.header("cookie", &self.cookie).call()?;
        Ok(response.status().as_u16())
    }

    fn send(
        &self,
        request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        path: &str,
        body: &Value,
    ) -> Result<Value> {
        let response = request
            .header("x-homereel", "1")
            .header("cookie", &self.cookie)
            .content_type("application/json")
            .send(body.to_string())?;
        json_of(response, path)
    }
}

fn json_of(mut response: ureq::http::Response<ureq::Body>, path: &str) -> Result<Value> {
    let status = response.status();
    let said = response.body_mut().read_to_string()?;
    ensure!(status.is_success(), "{path} ended with {status}: {said}");
    serde_json::from_str(&said).with_context(|| format!("{path} answered {said:?}"))
}
