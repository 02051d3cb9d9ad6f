//! Arguments for the model's inputs.

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Inputs")]
pub struct InputArgs {
    /// Fix an input's value, such as sr=16000 or scales=1,1,2: what follows from it is decided once, and no
    /// data feeds it; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub input: Vec<String>,
    /// Run with this shape of an input, such as images=1x3x640x640 (? is a size that the data decides);
    /// repeatable
    #[arg(long, value_name = "NAME=SHAPE")]
    pub input_shape: Vec<String>,
}
