//! `homereel-worker`: started by the server for one title, never by a person.
//!
//! Standard input and output carry the protocol, descriptor 3 is the input file, descriptor 4 the
//! output folder. With `self-test` it shows on the same descriptors what its sandbox lets through,
//! and `--landlock N` makes it believe in an older kernel; `self-test hardware` tries encoders in
//! graphics hardware and needs no descriptors, and `encode` is one of them. What does not belong here: everything else; see
//! `serve`, `sandbox` and `hardware`.

use media_proto::hardware::{ENCODE_ARGUMENT, ENCODERS, ENCODERS_ARGUMENT, HARDWARE_ARGUMENT};
use media_proto::sandbox::SELF_TEST_ARGUMENT;
use media_proto::{FIRST_ENCODER_DESCRIPTOR, GUARD_VARIABLE, INPUT_DESCRIPTOR, OUTPUT_DESCRIPTOR};
use media_worker::av::log;
use media_worker::descriptors::PatientPipe;
use media_worker::hardware::remote::Remote;
use media_worker::hardware::{process, trial};
use media_worker::sandbox::{self, files, selftest};
use media_worker::{descriptors, serve};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

/// What this process is for.
enum Purpose {
    /// With so many encoders in graphics hardware.
    Serve(usize),
    /// To be such an encoder, the one of this name.
    Encode(String),
    /// With the newest Landlock to be used.
    SelfTest(u32),
    /// Of the encoders with these names.
    HardwareTest(Vec<String>),
}

fn main() -> ExitCode {
    // A panic in one thread would leave the others waiting; the server expects an exit instead.
    std::panic::set_hook(Box::new(|panic| {
        complain(&panic.to_string());
        std::process::abort();
    }));
    let Some(purpose) = purpose() else {
        complain("homereel-worker is started by homereel itself. Run `homereel serve` instead.");
        return ExitCode::from(2);
    };
    descriptors::ignore_file_size_signal();
    match fulfil(purpose) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            complain(&message);
            ExitCode::FAILURE
        }
    }
}

fn fulfil(purpose: Purpose) -> Result<(), String> {
    let (newest_landlock, encoders) = match purpose {
        Purpose::HardwareTest(names) => return try_hardware(&names),
        Purpose::Encode(name) => return encode(&name),
        Purpose::SelfTest(newest) => (Some(newest), 0),
        Purpose::Serve(encoders) => (None, encoders),
    };
    let input = descriptors::adopt_file(INPUT_DESCRIPTOR);
    let folder = descriptors::adopt(OUTPUT_DESCRIPTOR);
    let (Some(input), Some(folder)) = (input, folder) else {
        return Err(
            "homereel-worker expects its input on descriptor 3 and its output folder on 4.".into(),
        );
    };
    match newest_landlock {
        None => work(input, folder, remotes(encoders)),
        Some(newest) => test(&input, folder, newest),
    }
}

/// `None` if a person started it who did not ask for the self-test.
fn purpose() -> Option<Purpose> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [SELF_TEST_ARGUMENT] => Some(Purpose::SelfTest(files::NEWEST)),
        [SELF_TEST_ARGUMENT, "--landlock", version] => version.parse().ok().map(Purpose::SelfTest),
        [SELF_TEST_ARGUMENT, HARDWARE_ARGUMENT] => {
            Some(Purpose::HardwareTest(ENCODERS.map(str::to_owned).into()))
        }
        [SELF_TEST_ARGUMENT, HARDWARE_ARGUMENT, names @ ..] => Some(Purpose::HardwareTest(
            names.iter().map(|name| (*name).to_owned()).collect(),
        )),
        _ => std::env::var_os(GUARD_VARIABLE).and_then(|_| for_the_server(&arguments)),
    }
}

fn for_the_server(arguments: &[&str]) -> Option<Purpose> {
    match arguments {
        [] => Some(Purpose::Serve(0)),
        [ENCODERS_ARGUMENT, count] => count.parse().ok().map(Purpose::Serve),
        [ENCODE_ARGUMENT, name] => Some(Purpose::Encode((*name).to_owned())),
        _ => None,
    }
}

/// The encoders that wait behind further descriptors.
fn remotes(count: usize) -> Vec<Remote> {
    let pipes = (FIRST_ENCODER_DESCRIPTOR..).step_by(2).take(count);
    let remote = |orders| {
        let (orders, answers) = (pipe(orders)?, pipe(orders + 1)?);
        Some(Remote::new(orders, answers))
    };
    pipes.filter_map(remote).collect()
}

fn pipe(descriptor: i32) -> Option<PatientPipe> {
    descriptors::adopt_file(descriptor).and_then(|file| PatientPipe::new(file).ok())
}

fn encode(name: &str) -> Result<(), String> {
    log::errors_only();
    let orders = &mut std::io::stdin().lock();
    let answers = &mut std::io::stdout().lock();
    process::serve(name, orders, answers)
        .map_err(|error| format!("The pipe to the worker broke: {error}."))
}

/// Nothing of the input is read before the sandbox is closed.
fn work(input: File, folder: OwnedFd, encoders: Vec<Remote>) -> Result<(), String> {
    sandbox::enter(folder.as_fd(), files::NEWEST).map_err(|failure| failure.message)?;
    let requests = &mut std::io::stdin().lock();
    serve::serve(requests, std::io::stdout(), input, folder, encoders)
        .map_err(|error| format!("The pipe to the server broke: {error}."))
}

fn test(input: &File, folder: OwnedFd, newest_landlock: u32) -> Result<(), String> {
    let report =
        selftest::run(input, folder, newest_landlock).map_err(|failure| failure.message)?;
    print(report.to_json())
}

fn try_hardware(names: &[String]) -> Result<(), String> {
    log::errors_only();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    print(trial::report(&names).to_json())
}

fn print(report: std::io::Result<Vec<u8>>) -> Result<(), String> {
    report
        .and_then(|text| std::io::stdout().write_all(&text))
        .map_err(|error| format!("Writing the report failed: {error}."))
}

/// Standard error is kept by the server for its log.
#[expect(clippy::print_stderr, reason = "standard error is the worker's log")]
fn complain(message: &str) {
    eprintln!("{message}");
}
