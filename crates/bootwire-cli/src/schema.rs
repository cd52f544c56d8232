//! `bootwire schema`: the JSON schema of the configuration file, for editors.

use bootwire_site::config::schema;

use crate::exit::Failure;
use crate::out;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire schema > bootwire.schema.json
      then, as the first line of a configuration, for editors that know Taplo:
      #:schema ./bootwire.schema.json")]
pub(crate) struct Args {}

#[expect(
    clippy::unnecessary_wraps,
    reason = "every command has the same signature"
)]
pub(crate) fn run(_args: &Args) -> Result<(), Failure> {
    out::bytes(schema::text().as_bytes());
    Ok(())
}
