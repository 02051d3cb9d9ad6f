//! Opening of calibration data: from paths to a stream of batches.

use std::path::PathBuf;
use std::sync::Arc;

use super::axes::{First, first_axes};
use super::cut::{Samples, fixed_first};
use super::feeds::{Given, WholeFeeds};
use super::find::{Format, Source};
use super::fit::shape_text;
use super::image::{Resize, Turned};
use super::once::Once;
use super::parts::{self, Part};
use super::select::Selection;
use super::stream::Stream;
use super::{BatchSource, DataOptions, Feeds, find};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{self, Finding, counted};
use crate::tensor::TensorSpec;

/// Opens calibration data for a model with these `inputs`.
///
/// A path is a file or a folder, or `NAME=PATH` to name the input that it feeds. Without a name, an `.npz`
/// file feeds every input by the names of its arrays. Any other file feeds the only input, or the input that
/// the file is named after (`mask.npy`). If the model has several inputs and a file in a folder is named
/// after none of them, it is left out with a warning. Labels can therefore be in the same folder as the data.
///
/// The samples may not fill the last batch. If the model's batch dimension is dynamic, this batch is shorter.
/// If it is fixed above 1, the batch is filled up with repeated samples
/// ([`Batch::repeats`](super::Batch::repeats)), which calibration excludes from its statistics. Whole feeds
/// are batches as they are.
///
/// Left-out data and choices that are not obvious are logged and are in [`BatchSource::findings`].
///
/// # Errors
/// Fails if a path cannot be read or has no known format, if data for an input is missing or does not fit it
/// in type or shape, or if inputs have different numbers of samples. Types, shapes and lengths are checked
/// here. [`BatchSource::next_batch`] reports damage inside compressed data, values that the input's type
/// cannot hold, and broken images.
pub fn open(paths: &[PathBuf], inputs: &[TensorSpec], options: &DataOptions) -> Result<Box<dyn BatchSource>> {
    if inputs.is_empty() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the model has no inputs, so there is nothing to feed",
        ));
    }
    if options.limit == Some(0) {
        return Err(Error::new(ErrorKind::InvalidArgument, "a limit of 0 leaves no samples")
            .with_remedy("use at least 1"));
    }
    check_axes(inputs, options.feeds)?;
    let found = find::find(paths, inputs)?;
    let idle = idle_options(&found.sources, options);
    let first = match options.feeds {
        Feeds::Samples => vec![First::Samples; inputs.len()],
        Feeds::Auto | Feeds::Whole => first_axes(inputs),
    };
    let turned = Arc::<Turned>::default();
    let mut parts = Vec::new();
    for ((sources, spec), &first) in found.sources.iter().zip(inputs).zip(&first) {
        parts.push(parts::open(sources, (spec, first), inputs, options, &turned)?);
    }
    let mut findings = found.findings;
    findings.extend(idle);
    let data = Data { parts: &parts, inputs, first: &first, options };
    let mut stream = match data.choose(&mut findings)? {
        Way::Samples(samples) => samples.stream(parts, inputs, options)?,
        Way::Feeds(feeds) => {
            let selection = Selection::new(feeds.count(), options.limit, options.seed);
            Stream {
                feeds: Some((inputs.to_vec(), first)),
                ..Stream::new(feeds.columns(inputs, parts)?, selection, 1)
            }
        }
    };
    finding::log_all(&findings);
    (stream.findings, stream.turned) = (findings, turned);
    Ok(Box::new(Once::new(stream)))
}

/// Refuses [`Feeds::Samples`] if an input has no axis for samples.
fn check_axes(inputs: &[TensorSpec], feeds: Feeds) -> Result<()> {
    let is_scalar = |spec: &&TensorSpec| spec.shape.as_ref().is_some_and(Vec::is_empty);
    match inputs.iter().find(is_scalar) {
        Some(spec) if feeds == Feeds::Samples => {
            let message = format!("input '{}' is a scalar, which has no axis for samples", spec.name);
            Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy(
                "fix the input if it has one value for all samples; or set feeds to whole, and give one .npz for each run of the model",
            ))
        }
        _ => Ok(()),
    }
}

/// Warns about options for kinds of files that are not there. Users may expect them to change arrays.
fn idle_options(sources: &[Vec<Source>], options: &DataOptions) -> Vec<Finding> {
    let has = |format| sources.iter().flatten().any(|source| source.format == format);
    let mut findings = Vec::new();
    let image = options.image.changed();
    if !image.is_empty() && !has(Format::Image) {
        let message =
            format!("no image is among the data, so options for images change nothing: {}", image.join(", "));
        findings.push(
            Finding::warning(message)
                .with_remedy("prepare arrays as the model takes them, or leave the options out"),
        );
    }
    if image.contains(&"fill") && has(Format::Image) && options.image.resize != Resize::Letterbox {
        let message = "nothing around images is filled, so the fill changes nothing";
        findings.push(Finding::warning(message).with_remedy("choose to letterbox, or leave the fill out"));
    }
    if options.raw.is_some() && !has(Format::Raw) {
        let message = "no raw file is among the data, so the format of raw files changes nothing";
        findings.push(
            Finding::warning(message)
                .with_remedy("leave it out, or give files that end in .bin, .raw or .dat"),
        );
    }
    findings
}

/// The opened files of each input.
struct Data<'a> {
    parts: &'a [Vec<Part>],
    inputs: &'a [TensorSpec],
    first: &'a [First],
    options: &'a DataOptions,
}

/// The way to read the files.
enum Way {
    Samples(Samples),
    Feeds(WholeFeeds),
}

impl Data<'_> {
    /// Chooses between samples and whole feeds. Adds a finding if the choice is not obvious.
    fn choose(&self, findings: &mut Vec<Finding>) -> Result<Way> {
        let is_plain = self.first.iter().all(|first| first.may_be_samples());
        match self.options.feeds {
            Feeds::Samples => self.samples().map(Way::Samples),
            Feeds::Whole => self.feeds(true).map(Way::Feeds),
            Feeds::Auto if is_plain => match self.samples() {
                Ok(samples) => {
                    findings.extend(self.note_unclear(&samples));
                    Ok(Way::Samples(samples))
                }
                Err(error) => {
                    let Ok(feeds) = self.feeds(false) else { return Err(error) };
                    findings.push(note_feeds(feeds.count(), error.message()));
                    Ok(Way::Feeds(feeds))
                }
            },
            Feeds::Auto => match self.feeds(false) {
                Ok(feeds) => {
                    findings.extend(self.note_steps(feeds.count()));
                    Ok(Way::Feeds(feeds))
                }
                Err(error) => {
                    let Ok(samples) = self.samples() else { return Err(error) };
                    findings.push(note_samples(samples.count, error.message()));
                    Ok(Way::Samples(samples))
                }
            },
        }
    }

    fn feeds(&self, asked: bool) -> Result<WholeFeeds> {
        let given = self.inputs.iter().zip(self.first).zip(self.parts);
        let given: Vec<Given<'_>> =
            given.map(|((spec, &first), parts)| Given { spec, first, parts }).collect();
        let feeds = WholeFeeds::of(&given, asked)?;
        let fixed =
            given.iter().find_map(|one| one.first.may_be_samples().then(|| fixed_first(one.spec)).flatten());
        match self.options.batch_size {
            Some(size) if size != fixed.unwrap_or(1) => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a batch size of {size}, but whole feeds are run as they are"),
            )
            .with_remedy("leave the batch size out")),
            _ => Ok(feeds),
        }
    }

    fn samples(&self) -> Result<Samples> {
        Samples::of(self.parts, self.inputs, self.options)
    }

    fn note_unclear(&self, samples: &Samples) -> Option<Finding> {
        let index = self.first.iter().position(|first| *first == First::Unclear)?;
        let message = format!(
            "the first axis of input {} was taken for the samples, of which there are {}",
            input_text(self.inputs.get(index)?),
            samples.count
        );
        let remedy = "set feeds to whole if it is the time of one sequence";
        (samples.count > 1).then(|| Finding::note(message).with_remedy(remedy))
    }

    fn note_steps(&self, count: usize) -> Option<Finding> {
        let index = self.first.iter().position(|first| *first == First::Steps)?;
        let message = format!(
            "the first axis of input {} was taken for the steps of a sequence, so that the data is {}",
            input_text(self.inputs.get(index)?),
            count_text(count)
        );
        Some(Finding::note(message).with_remedy("set feeds to samples if it counts samples"))
    }
}

fn note_feeds(count: usize, why: &str) -> Finding {
    let message =
        format!("the arrays were taken for {}, since first axes hold no samples: {why}", count_text(count));
    Finding::note(message).with_remedy("set feeds to whole if that is right, or to samples if it is not")
}

fn note_samples(count: usize, why: &str) -> Finding {
    let message = format!(
        "the arrays were taken for {} along first axes, since they are no whole feeds: {why}",
        counted(count, "sample")
    );
    Finding::note(message).with_remedy("set feeds to samples if that is right, or to whole if it is not")
}

fn count_text(count: usize) -> String {
    counted(count, "whole feed")
}

fn input_text(spec: &TensorSpec) -> String {
    format!("'{}' {}", spec.name, shape_text(spec))
}
