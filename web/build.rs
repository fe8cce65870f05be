//! Tells plainly when the front end has not been built yet, and rebuilds the crate whenever a
//! built file or a template changes. It builds nothing itself: cargo must not run npm.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=dist");
    println!("cargo::rerun-if-changed=templates");
    if !Path::new("dist/manifest.json").exists() {
        println!(
            "cargo::error=the front end is not built (web/dist is missing): run `make assets`"
        );
    }
}
