//! Converts arguments from the command line to the library's types.

mod budget;
mod data;
mod inputs;
mod precision;
mod tensorrt;

use qdq::emit::trt_cache::{Algorithm, Header, Version};
use qdq::emit::{WeightForm, Weights};
use qdq::error::{Error, ErrorKind, Result};
use qdq::pipeline;
use qdq::place::{Attention, Format, FrontEnd, Policy, Selection, Target};
use qdq::precision::Half;
use qdq::range::Method;
use qdq::recover::Recovery;
use qdq::runtime::{RuntimeKind, RuntimeOptions};

use crate::args::{self, CacheHeaderArgs, PolicyArgs, RecoveryArgs, RuntimeArgs, WeightArgs};
use crate::term::Term;

pub use budget::{budget, limits};
pub use data::{data_paths, labels, source};
pub use inputs::{model, quantized};
pub use precision::{half, precision, preparation};
pub use tensorrt::tensorrt;

/// Puts the option's name in front of the error about its value.
fn of_option<T>(option: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| {
        let named = Error::new(error.kind(), format!("{option}: {}", error.message()));
        match error.remedy() {
            Some(remedy) => named.with_remedy(remedy),
            None => named,
        }
    })
}

/// The way in which ranges are computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ranging {
    /// One method for all tensors.
    Method(Method),
    /// The best method for each tensor.
    Auto,
}

impl Ranging {
    /// Returns the method, or the library's default before the best one is known.
    pub fn method(self) -> Method {
        match self {
            Self::Method(method) => method,
            Self::Auto => Method::default(),
        }
    }
}

/// Returns the way in which ranges are computed, by the library's default method if none is typed.
pub fn ranging(typed: Option<&str>) -> Result<Ranging> {
    match typed {
        None => Ok(Ranging::Method(Method::default())),
        Some(pipeline::AUTO) => Ok(Ranging::Auto),
        Some(text) => {
            let method: Result<Method> = text.parse();
            let known = |error: Error| {
                let remedy = format!("{}, or auto", error.remedy().unwrap_or_default());
                error.with_remedy(remedy)
            };
            of_option("--method", method.map_err(known)).map(Ranging::Method)
        }
    }
}

/// Returns the calibration method that an option names.
pub fn method_of(option: &str, text: &str) -> Result<Method> {
    of_option(option, text.parse())
}

/// Returns the format.
pub fn format(typed: args::Format) -> Format {
    match typed {
        args::Format::Int8 => Format::Int8,
        args::Format::Fp8 => Format::Fp8,
        args::Format::Int8Weights => Format::Int8Weights,
        args::Format::Int4Weights => Format::Int4Weights,
    }
}

/// Returns the policy: which nodes are quantized, and in which format.
///
/// # Errors
/// `InvalidArgument` for a format that is none, and for a block size that no format has.
pub fn policy(args: &PolicyArgs) -> Result<Policy> {
    let selection = |names: &[String], ops: &[String]| Selection { names: names.to_vec(), ops: ops.to_vec() };
    let policy = Policy {
        include: selection(&args.include, &args.include_op),
        exclude: selection(&args.exclude, &args.exclude_op),
        per_tensor_weights: args.per_tensor_weights,
        min_quantized: args.min_quantized,
        target: match args.target {
            Some(args::Target::Rtx) => Target::Rtx,
            Some(args::Target::Tensorrt) | None => Target::TensorRt,
        },
        attention: match args.attention {
            args::Attention::Auto => Attention::Auto,
            args::Attention::Int8 => Attention::Int8,
            args::Attention::Float => Attention::Float,
        },
        front_end: match args.front_end {
            args::FrontEnd::Float => FrontEnd::Float,
            args::FrontEnd::Int8 => FrontEnd::Int8,
        },
        format: format(args.format),
        formats: args
            .format_of
            .iter()
            .map(|typed| of_option("--format-of", format_of(typed)))
            .collect::<Result<_>>()?,
        block_size: args.block_size,
        conv_weights: args.conv_weights,
        ..Policy::default()
    };
    of_option("--block-size", policy.check_formats())?;
    Ok(policy)
}

/// Splits into pattern and format at the last `=`. Names may contain a `=`, formats do not.
fn format_of(typed: &str) -> Result<(String, Format)> {
    let split = typed.rsplit_once('=').filter(|(pattern, _)| !pattern.is_empty());
    let (pattern, format) = split.ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, format!("'{typed}' is no pattern and format"))
            .with_remedy("write it as '/attention/*=fp8'")
    })?;
    Ok((pattern.to_owned(), format.parse()?))
}

/// Returns the policy for an engine that this build's TensorRT makes.
///
/// # Errors
/// `InvalidArgument` if the target is typed and is another product.
pub fn engine_policy(args: &PolicyArgs) -> Result<Policy> {
    let is_rtx = qdq::tensorrt::compiled().is_some_and(|version| version.is_rtx());
    let target = if is_rtx { Target::Rtx } else { Target::TensorRt };
    let policy = policy(args)?;
    if args.target.is_some() && policy.target != target {
        let built = qdq::tensorrt::compiled().map_or("TensorRT".to_owned(), |version| version.to_string());
        let message = format!("--target: the engine is built by {built}, which is another product");
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy(
            "leave --target out, or build the engine of the written model with the other product",
        ));
    }
    Ok(Policy { target, ..policy })
}

/// Returns the settings for quantizing weights. `half` is the 16-bit type of their steps, if they have one.
pub fn weights(args: &WeightArgs, half: Option<Half>) -> Result<Weights> {
    let form = match args.weights {
        args::Weights::Int8 => WeightForm::Int8,
        args::Weights::Float => WeightForm::Float,
    };
    let typed = args.weight_method.as_deref().map(str::parse).transpose();
    let method = of_option("--weight-method", typed)?.unwrap_or(Weights::default().method);
    Ok(Weights { form, bits: args.weight_bits, method, held_in: half, ..Weights::default() })
}

/// Returns the methods that recover accuracy.
pub fn recovery(args: &RecoveryArgs) -> Recovery {
    Recovery {
        equalization: args.equalize,
        smooth: args.smooth,
        awq: args.awq,
        learned_rounding: args.learned_rounding,
        bias_correction: args.bias_correction,
    }
}

/// Returns the runtime that runs the model.
pub fn runtime(args: &RuntimeArgs) -> RuntimeOptions {
    let kind = match args.runtime {
        args::Runtime::Embedded => RuntimeKind::Embedded,
        args::Runtime::Onnxruntime => RuntimeKind::OnnxRuntime,
        args::Runtime::Auto => RuntimeKind::Auto,
    };
    RuntimeOptions { kind, onnxruntime: args.onnxruntime.clone(), threads: args.threads }
}

/// Returns the version and algorithm for a cache's header, if the user gave them.
pub fn version_and_algorithm(args: &CacheHeaderArgs) -> Result<(Option<Version>, Option<Algorithm>)> {
    let version = args.tensorrt_version.as_deref().map(str::parse).transpose();
    let algorithm = args.algorithm.as_deref().map(str::parse).transpose();
    Ok((of_option("--tensorrt-version", version)?, of_option("--algorithm", algorithm)?))
}

/// Returns the header of a cache that is to be written.
pub fn header(args: &CacheHeaderArgs) -> Result<Header> {
    let (version, algorithm) = version_and_algorithm(args)?;
    let version = version.unwrap_or(Version::DEFAULT);
    of_option("--tensorrt-version", version.check_reads_caches())?;
    Ok(Header::new(version, algorithm.unwrap_or_default()))
}

/// Logs the version in the header if the user gave none, because TensorRT ignores a cache of another version.
pub fn note_version(args: &CacheHeaderArgs, term: &Term) {
    if args.tensorrt_version.is_none() {
        term.note(format_args!(
            "the header of the cache is for TensorRT {}, and other versions ignore it: give yours with --tensorrt-version",
            Version::DEFAULT
        ));
    }
}
