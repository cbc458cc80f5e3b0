//! End to end: the real binaries, real sockets, real SDKs, a real browser.
//!
//! Every module is a list of trials; this file only collects them. A trial
//! whose parts are not on this machine is reported as ignored, and why is
//! printed. `HOTSPAN_TEST_QUICK=1` leaves out other languages and the browser.
#![expect(
    clippy::print_stdout,
    reason = "why a trial is ignored is printed for the person running it"
)]

mod agent;
mod analyze;
mod backup;
mod captures;
mod crash;
mod demo;
mod disk_full;
mod incident;
mod live;
mod otlp;
mod pages;
mod refusals;
mod server;
mod sql;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = [
        agent::trials(),
        analyze::trials(),
        captures::trials(),
        incident::trials(),
        crash::trials(),
        backup::trials(),
        disk_full::trials(),
        refusals::trials(),
        demo::trials(),
        pages::trials(),
        live::trials(),
        sql::trials(),
    ]
    .concat_trials();
    libtest_mimic::run(&arguments, trials).exit_code()
}

trait ConcatTrials {
    fn concat_trials(self) -> Vec<libtest_mimic::Trial>;
}

impl<const N: usize> ConcatTrials for [Vec<libtest_mimic::Trial>; N] {
    fn concat_trials(self) -> Vec<libtest_mimic::Trial> {
        self.into_iter().flatten().collect()
    }
}
