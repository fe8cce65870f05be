//! Draws the ladder as the pictures that the app shows: its icon, and the tray's with as many
//! rungs alight as are ready. There is one drawing, `assets/tray.svg`; pictures are not kept in
//! the repository.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The drawing's placeholders, from the lowest quality to the highest.
const RUNGS: [&str; 4] = ["rung-360", "rung-480", "rung-720", "rung-1080"];
/// What the drawing has for a rung that is not ready.
const DARK: &str = "stroke-opacity=\".3\"";
/// For a screen with twice the density; desktops make it smaller.
const TRAY_PIXELS: u32 = 64;
const ICON_PIXELS: u32 = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let assets = Path::new("../assets");
    for name in ["tray.svg", "favicon.svg"] {
        println!("cargo:rerun-if-changed=../assets/{name}");
    }
    let tray = fs::read_to_string(assets.join("tray.svg"))?;
    for alight in 0..=RUNGS.len() {
        let drawing = out.join(format!("tray-{alight}.svg"));
        fs::write(&drawing, with_light(&tray, alight)?)?;
        draw(
            &drawing,
            TRAY_PIXELS,
            &out.join(format!("tray-{alight}.png")),
        )?;
    }
    let icon = out.join("icon.png");
    draw(&assets.join("favicon.svg"), ICON_PIXELS, &icon)?;
    // Tauri wants the path of its icon in its configuration; this is laid over the file's.
    println!(
        "cargo:rustc-env=TAURI_CONFIG={{\"bundle\":{{\"icon\":[{:?}]}}}}",
        icon.display().to_string()
    );
    tauri_build::build();
    Ok(())
}

/// The drawing with its lowest `alight` rungs bright.
fn with_light(drawing: &str, alight: usize) -> Result<String, Box<dyn Error>> {
    let mut lit = drawing.to_owned();
    for rung in &RUNGS[..alight] {
        let dark = format!("id=\"{rung}\" {DARK}");
        if !lit.contains(&dark) {
            return Err(format!("assets/tray.svg has no {dark}").into());
        }
        lit = lit.replace(&dark, &format!("id=\"{rung}\""));
    }
    Ok(lit)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this runs while building; the rule is for the programs"
)]
fn draw(drawing: &Path, pixels: u32, picture: &Path) -> Result<(), Box<dyn Error>> {
    let size = pixels.to_string();
    let status = Command::new("rsvg-convert")
        .args(["--width", &size, "--height", &size, "--output"])
        .args([picture, drawing])
        .status()
        .map_err(|error| format!("rsvg-convert (Debian: librsvg2-bin): {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("rsvg-convert cannot draw {}", drawing.display()).into())
}
