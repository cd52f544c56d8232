//! `bootwire serve`.

mod args;
mod flags;

use bootwire_service::Service;

use crate::exit::Failure;
use crate::out;

pub(crate) use args::Args;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    Service::new(args.configuration()?)
        .verbose(args.verbose)
        .portable_io(args.portable_io)
        .ends_with_stdin(args.end_with_stdin)
        .prefixes_log(out::stdout_is_journal())
        .notes(out::note)
        .complaints(out::complaint)
        .run()
        .map_err(Failure::failed)
}
