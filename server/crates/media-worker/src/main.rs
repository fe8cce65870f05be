//! `homereel-worker`: started by the server for one title, never by a person.
//!
//! Standard input and output carry the protocol, descriptor 3 is the input file, descriptor 4 the
//! output folder. What does not belong here: everything else; see `serve`.

use media_proto::{GUARD_VARIABLE, INPUT_DESCRIPTOR, OUTPUT_DESCRIPTOR};
use media_worker::{descriptors, serve};
use std::process::ExitCode;

fn main() -> ExitCode {
    // A panic in one thread would leave the others waiting; the server expects an exit instead.
    std::panic::set_hook(Box::new(|panic| {
        complain(&panic.to_string());
        std::process::abort();
    }));
    if std::env::var_os(GUARD_VARIABLE).is_none() {
        complain("homereel-worker is started by homereel itself. Run `homereel serve` instead.");
        return ExitCode::from(2);
    }
    descriptors::ignore_file_size_signal();
    let input = descriptors::adopt_file(INPUT_DESCRIPTOR);
    let folder = descriptors::adopt(OUTPUT_DESCRIPTOR);
    let (Some(input), Some(folder)) = (input, folder) else {
        complain("homereel-worker expects its input on descriptor 3 and its output folder on 4.");
        return ExitCode::from(2);
    };
    match serve::serve(
        &mut std::io::stdin().lock(),
        std::io::stdout(),
        input,
        folder,
    ) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("The pipe to the server broke: {error}."));
            ExitCode::FAILURE
        }
    }
}

/// Standard error is kept by the server for its log.
#[expect(clippy::print_stderr, reason = "standard error is the worker's log")]
fn complain(message: &str) {
    eprintln!("{message}");
}
