//! Refuses options that have no effect together with the other options. A user who gives an option expects an
//! effect.

use clap::ArgMatches;
use clap::parser::ValueSource;
use qdq::error::{Error, ErrorKind, Result};
use qdq::tensorrt;

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
    "format",
    "format_of",
    "block_size",
    "conv_weights",
    "per_tensor_weights",
    "attention",
    "front_end",
    "target",
    "min_quantized",
    "weights",
    "weight_bits",
    "weight_method",
];
const TENSORRT: &[&str] = &["tensorrt", "shapes", "workspace", "timing_cache", "compute_capability"];
const HEADER: &[&str] = &["tensorrt_version", "algorithm"];
/// The choice of what becomes half precision.
const HALF: &[&str] = &["half_io", "float32", "float32_op", "half", "half_op"];
/// The options of the model that an engine is built from, if it is another one than the given model.
const CASTING: &[&str] = &["half_io", "float32", "float32_op", "half", "half_op", "opset"];
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
        works: |typed| is_typed(typed, "ranges") && tensorrt::has_qdq(),
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
        options: HALF,
        works: |typed| is_typed(typed, "fp16") || is_typed(typed, "bf16"),
        why: "nothing becomes half precision",
        remedy: "add --fp16 or --bf16",
    },
    Rule {
        commands: &["engine"],
        options: &["bf16"],
        works: |typed| !is_typed(typed, "ranges") || tensorrt::has_qdq(),
        why: "this TensorRT has no Q/DQ, so its engine is built from the float model",
        remedy: "give a model with Q/DQ to a TensorRT that has it",
    },
    Rule {
        commands: &["engine"],
        options: CASTING,
        works: |typed| casts(typed, Builder::compiled()),
        why: "the model is built as it is, and TensorRT chooses the layers in half precision itself, if any",
        remedy: "cast the model with 'qdq cast' and build the result",
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
        commands: &["quantize", "calibrate", "cast", "compare", "sensitivity"],
        options: &["onnxruntime"],
        works: |typed| typed.get_one("runtime") != Some(&crate::args::Runtime::Embedded),
        why: "the embedded runtime runs the model",
        remedy: "add --runtime onnxruntime",
    },
];

/// The TensorRT that builds engines, as far as options depend on it.
#[derive(Clone, Copy)]
struct Builder {
    has_qdq: bool,
    /// Whether an engine computes in the types of the model.
    is_strongly_typed: bool,
}

impl Builder {
    /// Returns the TensorRT of this qdq. Without one, a command fails later and says that.
    fn compiled() -> Self {
        Self {
            has_qdq: tensorrt::has_qdq(),
            is_strongly_typed: tensorrt::is_strongly_typed() || tensorrt::compiled().is_none(),
        }
    }
}

/// Whether `qdq engine` builds another model than the given one: a quantized one, or one in half precision.
fn casts(typed: &ArgMatches, builder: Builder) -> bool {
    match is_typed(typed, "ranges") {
        true => builder.has_qdq,
        false => is_typed(typed, "bf16") || is_typed(typed, "fp16") && builder.is_strongly_typed,
    }
}

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

    /// The choice of what becomes half precision needs a model that is cast before it is built.
    #[test]
    fn a_weakly_typed_engine_takes_no_choice_of_nodes() {
        let weakly = Builder { has_qdq: true, is_strongly_typed: false };
        let strongly = Builder { is_strongly_typed: true, ..weakly };
        let without_qdq = Builder { has_qdq: false, ..weakly };
        for (line, expected) in [
            ("--fp16", [false, true, false]),
            ("--bf16", [true, true, true]),
            ("--ranges r --fp16", [true, true, false]),
            ("", [false, false, false]),
        ] {
            let words = "qdq engine m.onnx -o e --opset 19 ".split(' ').chain(line.split(' '));
            let typed = crate::args::Args::command()
                .try_get_matches_from(words.filter(|word| !word.is_empty()))
                .unwrap();
            let typed = typed.subcommand_matches("engine").unwrap();
            let found = [weakly, strongly, without_qdq].map(|builder| casts(typed, builder));
            assert_eq!(found, expected, "{line}");
        }
    }

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
