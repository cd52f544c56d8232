//! `bootwire telemetry`: what is made of the list of metrics.

use bootwire_telemetry::metrics::{alerts, dashboards};

use crate::exit::Failure;
use crate::out;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire telemetry dashboards > bootwire.json
      then, in Grafana: Dashboards, New, Import
  bootwire telemetry alerts > /etc/prometheus/bootwire.rules.yml
      then, in prometheus.yml: rule_files: [bootwire.rules.yml]

The metrics themselves come from a server that has `metrics.listen`, or --metrics.")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print a dashboard for Grafana
    Dashboards,
    /// Print alert rules for Prometheus
    Alerts {
        /// The job as which Prometheus scrapes the servers
        #[arg(long, value_name = "NAME", default_value = alerts::JOB)]
        job: String,
    },
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "every command has the same signature"
)]
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let text = match &args.what {
        What::Dashboards => dashboards::grafana(),
        What::Alerts { job } => alerts::prometheus(job),
    };
    out::bytes(text.as_bytes());
    Ok(())
}
