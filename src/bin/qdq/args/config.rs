//! Arguments for options in a file.

use std::path::PathBuf;

/// Options of a run as a file.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options as a file")]
pub struct ConfigArgs {
    /// Take options from this TOML file: their long names as keys, and paths relative to the file; what the
    /// command line says goes before
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write the options of this run to such a file, before the work starts
    #[arg(long, value_name = "FILE")]
    pub save_config: Option<PathBuf>,
}
