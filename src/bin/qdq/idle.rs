//! Refuses options that have no effect together with the other options. A user who gives an option expects an
//! effect.

use clap::ArgMatches;
use clap::parser::ValueSource;
use qdq::error::{Error, ErrorKind, Result};

/// Options of one or several commands that work only together with another option.
struct Rule {
    commands: &'static [&'static str],
    options: &'static [&'static str],
    /// Whether the options have an effect.
    works: fn(&ArgMatches) -> bool,
    why: &'static str,
    remedy: &'static str,
}

/// The options of the quantization of a model.
const QUANTIZING: &[&str] = &[
    "input",
    "input_shape",
    "include",
    "include_op",
    "exclude",
    "exclude_op",
    "per_tensor_weights",
    "attention",
    "target",
    "min_quantized",
    "weights",
    "weight_bits",
    "weight_method",
];
const TENSORRT: &[&str] = &["tensorrt", "shapes", "workspace", "timing_cache", "compute_capability"];
const HEADER: &[&str] = &["tensorrt_version", "algorithm"];
const RUN: &[&str] = &[
    "batch_size",
    "feeds",
    "limit",
    "seed",
    "raw",
    "image_size",
    "resize",
    "resize_filter",
    "exif",
    "shorter_side",
    "channels",
    "scale",
    "mean",
    "std",
    "fill",
    "layout",
    "runtime",
    "onnxruntime",
    "threads",
];

const RULES: &[Rule] = &[
    Rule {
        commands: &["quantize"],
        options: TENSORRT,
        works: |typed| is_typed(typed, "engine"),
        why: "no engine is built",
        remedy: "add --engine FILE",
    },
    Rule {
        commands: &["quantize", "calibrate"],
        options: HEADER,
        works: |typed| is_typed(typed, "cache"),
        why: "no calibration cache is written",
        remedy: "add --cache FILE",
    },
    Rule {
        commands: &["convert"],
        options: HEADER,
        works: |typed| typed.get_one("to") == Some(&crate::args::CacheForm::Cache),
        why: "no calibration cache is written",
        remedy: "convert to a cache",
    },
    Rule {
        commands: &["engine"],
        options: QUANTIZING,
        works: |typed| is_typed(typed, "ranges") && qdq::tensorrt::has_qdq(),
        why: "no Q/DQ model is made, so that TensorRT decides by itself what it quantizes, if anything",
        remedy: "add --ranges FILE, with a TensorRT that has Q/DQ",
    },
    Rule {
        commands: &["calibrate"],
        options: RUN,
        works: |typed| !is_typed(typed, "from_stats"),
        why: "the statistics of --from-stats are taken, and the model does not run",
        remedy: "give data instead",
    },
    Rule {
        commands: &["quantize", "apply", "inspect", "engine", "cast"],
        options: &["half_io", "float32", "float32_op", "half", "half_op"],
        works: |typed| is_typed(typed, "fp16") || is_typed(typed, "bf16"),
        why: "nothing becomes half precision",
        remedy: "add --fp16 or --bf16",
    },
    Rule {
        commands: &["cast"],
        options: RUN,
        works: |typed| is_typed(typed, "data"),
        why: "no data is given, and the model does not run",
        remedy: "add --data",
    },
    Rule {
        commands: &["inspect"],
        options: &["stats"],
        works: |typed| is_typed(typed, "fp16") || is_typed(typed, "bf16"),
        why: "only a plan of precision reads statistics",
        remedy: "add --fp16 or --bf16",
    },
    Rule {
        commands: &["calibrate"],
        options: &["per_tensor_weights"],
        works: |_| false,
        why: "a calibration is of activations alone",
        remedy: "give it to the command that writes the model",
    },
    Rule {
        commands: &["quantize", "calibrate", "cast", "compare"],
        options: &["onnxruntime"],
        works: |typed| typed.get_one("runtime") != Some(&crate::args::Runtime::Embedded),
        why: "the embedded runtime runs the model",
        remedy: "add --runtime onnxruntime",
    },
];

/// Refuses options of the command, or of its subcommand, that have no effect.
///
/// # Errors
/// `InvalidArgument` with the names of the options.
pub fn check(typed: &ArgMatches) -> Result<()> {
    let Some((command, typed)) = typed.subcommand() else { return Ok(()) };
    for rule in RULES.iter().filter(|rule| rule.commands.contains(&command) && !(rule.works)(typed)) {
        let idle: Vec<String> = rule
            .options
            .iter()
            .filter(|option| is_typed(typed, option))
            .map(|option| format!("--{}", option.replace('_', "-")))
            .collect();
        if let Some((last, others)) = idle.split_last() {
            let (names, verb, them) = match others {
                [] => (last.clone(), "changes", "it"),
                _ => (format!("{} and {last}", others.join(", ")), "change", "them"),
            };
            let message = format!("{names} {verb} nothing: {}", rule.why);
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy(format!("{}, or leave {them} out", rule.remedy)));
        }
    }
    check(typed)
}

fn is_typed(typed: &ArgMatches, option: &str) -> bool {
    typed.value_source(option) == Some(ValueSource::CommandLine)
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use super::*;

    /// `value_source` panics for a name that is not an option of the command.
    #[test]
    fn every_rule_is_about_options_that_there_are() {
        fn options(command: &Command, name: &str) -> Option<Vec<String>> {
            let own = || command.get_arguments().map(|option| option.get_id().to_string()).collect();
            if command.get_name() == name {
                Some(own())
            } else {
                command.get_subcommands().find_map(|below| options(below, name))
            }
        }
        let whole = crate::args::Args::command();
        for rule in RULES {
            for command in rule.commands {
                let known = options(&whole, command).unwrap();
                for option in rule.options {
                    assert!(known.iter().any(|known| known == option), "{command}: {option}");
                }
            }
        }
    }
}
