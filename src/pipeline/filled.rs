//! Runs of batches that are filled up with repeats, whose results are cut off.
//!
//! A network with a fixed batch size takes whole batches only. Its results for the filled last batch are cut
//! to the real samples. This is right if every observed tensor has the samples along its first axis and
//! computes each of them by itself. No declaration states that, so it is tried. If the samples are in another
//! order, all slices must move with them. If other samples replace the repeats, the slices of the real
//! samples must stay as they are. Both must hold to the bit. Otherwise the batch is left out.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::sync::{Arc, Mutex, PoisonError};

use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, counted};
use crate::onnx::{Model, Rounding};
use crate::runtime::{self, Runtime, RuntimeOptions, Tap};
use crate::tensor::{Tensor, TensorView};

/// A tap that hands tensors on, cut to the real samples, or only looks at them.
struct Cutter {
    tap: Arc<dyn Tap>,
    mode: Mutex<Mode>,
}

#[derive(Clone)]
enum Mode {
    HandOn,
    /// Cuts a whole batch to this number of samples.
    Cut(usize),
    /// Looks at the tensors. It collects the slices of each tap that a run computed.
    Look(Vec<(usize, Slices)>),
}

/// A digest of each slice along the first axis; `None` for a scalar.
type Slices = Option<Vec<u64>>;

impl Cutter {
    fn set(&self, mode: Mode) -> Mode {
        std::mem::replace(&mut self.mode.lock().unwrap_or_else(PoisonError::into_inner), mode)
    }
}

impl Tap for Cutter {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        let cut = match &mut *self.mode.lock().unwrap_or_else(PoisonError::into_inner) {
            Mode::HandOn => None,
            Mode::Cut(samples) => Some(*samples),
            Mode::Look(seen) => {
                seen.push((index, slices(value)));
                return Ok(());
            }
        };
        match cut {
            None => self.tap.observe(index, value),
            Some(samples) => self.tap.observe(index, value.samples(0, samples)?.view()),
        }
    }
}

/// A runtime for batches that may be filled up.
pub(super) struct Runner {
    runtime: Box<dyn Runtime>,
    cutter: Arc<Cutter>,
}

impl Runner {
    /// Opens a runtime as [`runtime::open_with`] does.
    pub fn open(
        model: &Model,
        taps: &[String],
        tap: Arc<dyn Tap>,
        options: &RuntimeOptions,
        rounding: Rounding,
    ) -> Result<Self> {
        let cutter = Arc::new(Cutter { tap, mode: Mutex::new(Mode::HandOn) });
        Ok(Self { runtime: runtime::open_with(model, taps, cutter.clone(), options, rounding)?, cutter })
    }

    /// Whether the results of the batch's repeats can be cut off all taps.
    ///
    /// With `with_outputs`, this must be possible for the outputs too.
    ///
    /// To find out, the batch is run several times. The taps see nothing of these runs.
    pub fn can_cut(&mut self, batch: &Batch, with_outputs: bool) -> Result<bool> {
        let (samples, size) = (batch.samples, batch.samples + batch.repeats);
        if batch.repeats == 0 {
            return Ok(true);
        }
        let as_given = self.look(batch, with_outputs)?;
        let moved = self.look(&ordered(batch, |at| (at + size - 1) % size)?, with_outputs)?;
        // The last real sample comes first among the repeats. A single sample gets zeros beside it.
        let other = match samples {
            1 => blanked(batch)?,
            _ => ordered(batch, |at| if at < samples { at } else { samples - 1 - (at - samples) % samples })?,
        };
        let other = self.look(&other, with_outputs)?;
        let is_cut = |given: &Slices, moved: &Slices, other: &Slices| {
            let (Some(given), Some(moved), Some(other)) = (given, moved, other) else { return false };
            [given, moved, other].iter().all(|slices| slices.len() == size)
                && (0..size).all(|at| moved[(at + 1) % size] == given[at])
                && given[..samples] == other[..samples]
        };
        let all = as_given.iter().zip(moved.iter().zip(&other));
        Ok([moved.len(), other.len()] == [as_given.len(); 2]
            && all.into_iter().all(|((tap, given), ((tap_moved, moved), (tap_other, other)))| {
                [tap_moved, tap_other] == [tap; 2] && is_cut(given, moved, other)
            }))
    }

    /// Returns the slices of every tap and output, in the order of their indices.
    ///
    /// Outputs come after all taps.
    fn look(&mut self, batch: &Batch, with_outputs: bool) -> Result<Vec<(usize, Slices)>> {
        self.cutter.set(Mode::Look(Vec::new()));
        let outputs = self.runtime.run(batch);
        let Mode::Look(mut seen) = self.cutter.set(Mode::HandOn) else { return Ok(Vec::new()) };
        let outputs = outputs?;
        seen.sort_by_key(|(index, _)| *index);
        if with_outputs {
            seen.extend(outputs.iter().map(|output| (usize::MAX, slices(output.view()))));
        }
        Ok(seen)
    }

    /// Runs a batch whose repeats can be cut off, and returns the outputs.
    ///
    /// Outputs whose first axis has the size of the batch are cut to the real samples.
    pub fn run(&mut self, batch: &Batch) -> Result<Vec<Tensor>> {
        if batch.repeats == 0 {
            return self.runtime.run(batch);
        }
        self.cutter.set(Mode::Cut(batch.samples));
        let outputs = self.runtime.run(batch);
        self.cutter.set(Mode::HandOn);
        let size = batch.samples + batch.repeats;
        let cut = |output: Tensor| match output.shape().first() {
            Some(first) if *first == size => output.view().samples(0, batch.samples),
            _ => Ok(output),
        };
        outputs?.into_iter().map(cut).collect()
    }
}

fn slices(value: TensorView<'_>) -> Slices {
    let &count = value.shape().first()?;
    let bytes = value.data().as_bytes();
    let length = bytes.len().checked_div(count)?;
    let digest = |at: usize| {
        let mut hasher = DefaultHasher::new();
        hasher.write(&bytes[at * length..][..length]);
        hasher.finish()
    };
    Some((0..count).map(digest).collect())
}

/// Returns the batch with the sample `from(at)` at each position `at`.
fn ordered(batch: &Batch, from: impl Fn(usize) -> usize) -> Result<Batch> {
    let size = batch.samples + batch.repeats;
    let order: Vec<usize> = (0..size).map(from).collect();
    let inputs = batch.inputs.iter().map(|(name, tensor)| Ok((name.clone(), tensor.gathered(&order)?)));
    Ok(Batch { inputs: inputs.collect::<Result<_>>()?, ..*batch })
}

/// Returns the batch with zeros for its repeats.
fn blanked(batch: &Batch) -> Result<Batch> {
    let size = batch.samples + batch.repeats;
    let inputs = batch.inputs.iter().map(|(name, tensor)| {
        let mut bytes = tensor.view().data().as_bytes().to_vec();
        let kept = bytes.len() / size.max(1) * batch.samples;
        bytes[kept..].fill(0);
        Ok((name.clone(), Tensor::from_bytes(tensor.dtype(), tensor.shape().to_vec(), &bytes)?))
    });
    Ok(Batch { inputs: inputs.collect::<Result<_>>()?, ..*batch })
}

/// Returns the finding about a last batch that is left out after `before` samples.
///
/// # Errors
/// `Data` if it is the only batch.
pub(super) fn left_out(batch: &Batch, before: usize) -> Result<Finding> {
    let size = batch.samples + batch.repeats;
    let (samples, why) = (
        counted(before + batch.samples, "sample"),
        format!(
            "the model takes {size} at a time, and what it computes of one cannot be told from the others"
        ),
    );
    if before == 0 {
        return Err(Error::new(ErrorKind::Data, format!("{samples}, but {why}"))
            .with_remedy("give more samples, or export the model with a dynamic batch dimension"));
    }
    let message = format!("left out the last {} of {samples}: {why}", batch.samples);
    Ok(Finding::warning(message).with_remedy("give a whole number of batches"))
}
