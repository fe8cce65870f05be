//! `homereel user`: accounts from the command line, also for an owner who locked themselves out.
//!
//! With a server on the data folder it is asked; without one the catalog is opened here.

use catalog::Catalog;
use catalog::people::{NewUser, UserChange};
use delivery::passwords::{Cost, Passwords};
use model::error::{Context, Error, ErrorKind, Result};
use model::people::{Role, User};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

use crate::data_dir::DataDir;
use crate::endpoint::Endpoint;
use crate::first_start;
use crate::loopback::ask;

/// Somebody who is to have an account.
#[derive(Clone)]
pub struct Wish {
    /// What they sign in with.
    pub name: String,
    /// The other thing they can sign in with.
    pub email: Option<String>,
    /// Their part in the house.
    pub role: Role,
    /// In the clear.
    pub password: String,
}

impl std::fmt::Debug for Wish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wish")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Who looks after the accounts at this moment.
enum House {
    /// We do.
    Ours(Box<DataDir>, Catalog),
    /// The server that holds the folder.
    Served(Endpoint),
}

/// Makes an account; that of an admin makes a house theirs that nobody claimed.
///
/// # Errors
/// With a sentence for whoever asked: the name is taken, the password is too short.
pub async fn add(data_dir: &Path, wish: Wish, out: &mut dyn Write) -> Result<()> {
    let name = wish.name.clone();
    match open(data_dir).await? {
        House::Served(endpoint) => {
            let body = json!({
                "name": wish.name,
                "email": wish.email,
                "role": wish.role.as_str(),
                "password": wish.password,
            });
            ask(&endpoint, "POST", "/api/v1/host/users", Some(&body)).await?;
        }
        House::Ours(data_dir, catalog) => {
            let password_hash = Passwords::new(Cost::HOUSEHOLD).hash(wish.password).await?;
            let user = NewUser {
                name: wish.name,
                email: wish.email,
                first_name: String::new(),
                last_name: String::new(),
                password_hash,
                role: wish.role,
            };
            let added = catalog.add_user(user).await;
            close(data_dir, catalog).await;
            added?;
        }
    }
    say(out, &format!("{name} can sign in now."))
}

/// Gives somebody another password, which ends their sign-ins and tokens.
///
/// # Errors
/// With a sentence for whoever asked: there is nobody of that name, the password is too short.
pub async fn reset_password(
    data_dir: &Path,
    name: &str,
    password: String,
    out: &mut dyn Write,
) -> Result<()> {
    match open(data_dir).await? {
        House::Served(endpoint) => {
            let body = json!({"name": name, "password": password});
            ask(&endpoint, "POST", "/api/v1/host/password", Some(&body)).await?;
        }
        House::Ours(data_dir, catalog) => {
            let changed = change_password(&catalog, name, password).await;
            close(data_dir, catalog).await;
            changed?;
        }
    }
    say(
        out,
        &format!("{name} signs in with the new password from now on."),
    )
}

async fn change_password(catalog: &Catalog, name: &str, password: String) -> Result<()> {
    let known = catalog.user_for_login(name).await?;
    let (user, _) = known
        .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("nobody here is called {name}")))?;
    let password_hash = Passwords::new(Cost::HOUSEHOLD).hash(password).await?;
    let change = UserChange {
        password_hash: Some(password_hash),
        ..UserChange::default()
    };
    catalog.change_user(user.id, change, None).await?;
    Ok(())
}

/// Writes a line for everybody: name, role, and whether they may sign in.
///
/// # Errors
/// As the catalog or the server has it.
pub async fn list(data_dir: &Path, out: &mut dyn Write) -> Result<()> {
    let lines: Vec<String> = match open(data_dir).await? {
        House::Served(endpoint) => {
            let answer = ask(&endpoint, "GET", "/api/v1/host/users", None).await?;
            let users = answer["users"].as_array().cloned().unwrap_or_default();
            users.iter().map(line_of_answer).collect()
        }
        House::Ours(data_dir, catalog) => {
            let users = catalog.users().await;
            close(data_dir, catalog).await;
            users?.iter().map(line).collect()
        }
    };
    lines.iter().try_for_each(|line| say(out, line))
}

fn line(user: &User) -> String {
    spelled(&user.name, user.role.as_str(), user.active)
}

fn line_of_answer(user: &Value) -> String {
    let text = |field: &str| user[field].as_str().unwrap_or_default().to_owned();
    spelled(&text("name"), &text("role"), user["active"] == true)
}

fn spelled(name: &str, role: &str, active: bool) -> String {
    let off = if active { "" } else { "  (switched off)" };
    format!("{name}  {role}{off}")
}

async fn open(data_dir: &Path) -> Result<House> {
    match DataDir::open(data_dir) {
        Ok(data_dir) => {
            // What a server that was killed left behind would point to nobody.
            Endpoint::remove(data_dir.paths().root());
            let catalog = first_start::open_catalog(data_dir.paths())?;
            Ok(House::Ours(Box::new(data_dir), catalog))
        }
        Err(error) if error.kind() == ErrorKind::Conflict => match Endpoint::read(data_dir) {
            Some(endpoint) => Ok(House::Served(endpoint)),
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// The catalog is closed before the folder is let go.
async fn close(data_dir: Box<DataDir>, catalog: Catalog) {
    catalog.close().await;
    drop(data_dir);
}

fn say(out: &mut dyn Write, line: &str) -> Result<()> {
    writeln!(out, "{line}").context(ErrorKind::Unavailable, "writing the answer")
}
